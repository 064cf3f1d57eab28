#include "errors.h"

#include <uv.h>

#include <string>

namespace cloudreve {

napi_value ThrowErrno(napi_env env, int error, const char* syscall) {
  const std::string name = uv_err_name(-error);
  const std::string text = name + ": " + uv_strerror(-error) + ", " + syscall;
  napi_value code, message, thrown, number, call;
  if (napi_create_string_utf8(env, name.data(), name.size(), &code) != napi_ok ||
      napi_create_string_utf8(env, text.data(), text.size(), &message) != napi_ok ||
      napi_create_error(env, code, message, &thrown) != napi_ok ||
      napi_create_int32(env, -error, &number) != napi_ok ||
      napi_create_string_utf8(env, syscall, NAPI_AUTO_LENGTH, &call) != napi_ok ||
      napi_set_named_property(env, thrown, "errno", number) != napi_ok ||
      napi_set_named_property(env, thrown, "syscall", call) != napi_ok) {
    return nullptr;
  }
  napi_throw(env, thrown);
  return nullptr;
}

}  // namespace cloudreve
