#include "arguments.h"

#include <uv.h>

namespace cloudreve {

namespace {

bool RefuseType(napi_env env, const char* what, const char* expected) {
  const std::string text = std::string(what) + " must be " + expected;
  napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", text.c_str());
  return false;
}

bool RefuseRange(napi_env env, const char* what, const std::string& expected) {
  const std::string text = std::string(what) + " must be " + expected;
  napi_throw_range_error(env, "ERR_OUT_OF_RANGE", text.c_str());
  return false;
}

bool IsOfType(napi_env env, napi_value value, napi_valuetype expected) {
  napi_valuetype type;
  return value != nullptr && napi_typeof(env, value, &type) == napi_ok && type == expected;
}

}  // namespace

bool ReadInteger(napi_env env, napi_value value, const char* what, int64_t min, int64_t max, int64_t* out) {
  double number;
  if (!IsOfType(env, value, napi_number) || napi_get_value_double(env, value, &number) != napi_ok) {
    return RefuseType(env, what, "a number");
  }
  // Also refuses NaN.
  const bool fits = number >= static_cast<double>(min) && number <= static_cast<double>(max);
  if (fits) *out = static_cast<int64_t>(number);
  if (fits && static_cast<double>(*out) == number) return true;
  return RefuseRange(env, what, "a whole number from " + std::to_string(min) + " to " + std::to_string(max));
}

bool ReadString(napi_env env, napi_value value, const char* what, std::string* out) {
  size_t bytes = 0;
  if (!IsOfType(env, value, napi_string) || napi_get_value_string_utf8(env, value, nullptr, 0, &bytes) != napi_ok) {
    return RefuseType(env, what, "a string");
  }
  out->resize(bytes + 1);
  if (napi_get_value_string_utf8(env, value, &(*out)[0], bytes + 1, &bytes) != napi_ok) {
    return RefuseType(env, what, "a string");
  }
  out->resize(bytes);
  // The kernel would read the part before it.
  return out->find('\0') == std::string::npos || RefuseRange(env, what, "without a zero byte");
}

bool ReadBytes(napi_env env, napi_value value, const char* what, size_t min_bytes, iovec* out) {
  bool is_buffer = false;
  if (value == nullptr || napi_is_buffer(env, value, &is_buffer) != napi_ok || !is_buffer ||
      napi_get_buffer_info(env, value, &out->iov_base, &out->iov_len) != napi_ok) {
    return RefuseType(env, what, "a Buffer or Uint8Array");
  }
  return out->iov_len >= min_bytes || RefuseRange(env, what, "at least " + std::to_string(min_bytes) + " bytes long");
}

bool ReadFunction(napi_env env, napi_value value, const char* what) {
  return IsOfType(env, value, napi_function) || RefuseType(env, what, "a function");
}

bool ReadProperty(napi_env env, napi_value object, const char* what, napi_value* out) {
  if (!IsOfType(env, object, napi_object)) return RefuseType(env, "the argument", "an object");
  return napi_get_named_property(env, object, what, out) == napi_ok;
}

bool IsUndefined(napi_env env, napi_value value) { return value == nullptr || IsOfType(env, value, napi_undefined); }

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
