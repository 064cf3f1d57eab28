#pragma once

#include <node_api.h>

namespace cloudreve {

/**
 * Throws Node's own kind of error: `ENOENT: no such file or directory, mount` with `errno` (negative, as in Node), `code` and
 * `syscall`. Answers nullptr, for `return ThrowErrno(...)`.
 */
napi_value ThrowErrno(napi_env env, int error, const char* syscall);

}  // namespace cloudreve
