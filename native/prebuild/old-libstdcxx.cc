// Only in prebuilt binaries: containers of GCC 11 and newer call this function, which the libstdc++ of older systems lacks.
#include <new>

namespace std {

[[noreturn]] void __throw_bad_alloc();
[[noreturn]] void __throw_bad_array_new_length() { __throw_bad_alloc(); }

}  // namespace std
