// WebAssembly here has no exceptions: what would throw stops the module, and the page reports it. The weights
// come from the same build, so that only missing memory gets here.
#include <cstddef>

extern "C" {
void* __cxa_allocate_exception(std::size_t) noexcept { __builtin_trap(); }
void __cxa_free_exception(void*) noexcept { __builtin_trap(); }
void __cxa_throw(void*, void*, void (*)(void*)) { __builtin_trap(); }
void __cxa_rethrow() { __builtin_trap(); }
void* __cxa_begin_catch(void*) noexcept { __builtin_trap(); }
void __cxa_end_catch() { __builtin_trap(); }
}
