#pragma once

#include <node_api.h>
#include <sys/uio.h>

#include <cstdint>
#include <string>

namespace cloudreve {

/**
 * Checked access to JavaScript values. Each function answers false with a TypeError or RangeError pending that names `what`.
 */
bool ReadInteger(napi_env env, napi_value value, const char* what, int64_t min, int64_t max, int64_t* out);
bool ReadString(napi_env env, napi_value value, const char* what, std::string* out);
bool ReadBytes(napi_env env, napi_value value, const char* what, size_t min_bytes, iovec* out);
bool ReadFunction(napi_env env, napi_value value, const char* what);
/** `what` is the name of the property. */
bool ReadProperty(napi_env env, napi_value object, const char* what, napi_value* out);
bool IsUndefined(napi_env env, napi_value value);

/**
 * Throws Node's own kind of error: `ENOENT: no such file or directory, mount` with `errno` (negative, as in Node), `code` and
 * `syscall`. Answers nullptr, for `return ThrowErrno(...)`.
 */
napi_value ThrowErrno(napi_env env, int error, const char* syscall);

}  // namespace cloudreve
