// Bugs on purpose: `build-native.mjs --sanitize` proves with them that the sanitizers are on. In no other build.
#include <node_api.h>

#include <climits>

namespace {

/** Values that the compiler cannot see through. */
volatile int four = 4;
volatile int largest = INT_MAX;

napi_value OverflowHeap(napi_env env, napi_callback_info) {
  volatile char* bytes = new char[static_cast<unsigned>(four)];
  bytes[four] = 1;
  napi_value result = nullptr;
  napi_create_int32(env, bytes[0], &result);
  delete[] bytes;
  return result;
}

napi_value UseAfterFree(napi_env env, napi_callback_info) {
  char* bytes = new char[static_cast<unsigned>(four)];
  volatile char* later = bytes;
  later[0] = 1;
  delete[] bytes;
  napi_value result = nullptr;
  napi_create_int32(env, later[0], &result);
  return result;
}

napi_value OverflowInteger(napi_env env, napi_callback_info) {
  napi_value result = nullptr;
  napi_create_int32(env, largest + 1, &result);
  return result;
}

}  // namespace

NAPI_MODULE_INIT() {
  const napi_property_descriptor properties[] = {
      {"overflowHeap", nullptr, OverflowHeap, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"useAfterFree", nullptr, UseAfterFree, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"overflowInteger", nullptr, OverflowInteger, nullptr, nullptr, nullptr, napi_default, nullptr},
  };
  napi_define_properties(env, exports, sizeof(properties) / sizeof(properties[0]), properties);
  return exports;
}
