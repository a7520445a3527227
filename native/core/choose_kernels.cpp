// Which kernels this processor runs.

#include <cstring>

#include "kernels.h"

namespace hushgate {

extern const Kernels kernels_base;
#ifdef HUSHGATE_X86
extern const Kernels kernels_avx2;
extern const Kernels kernels_avx512;
#endif

namespace {

bool runs(const Kernels& kernels) {
#ifdef HUSHGATE_X86
    // These ask the operating system as well, which must save the wide registers.
    if (&kernels == &kernels_avx2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (&kernels == &kernels_avx512)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
#endif
    return &kernels == &kernels_base;
}

// The fastest first.
const Kernels* const kAll[] = {
#ifdef HUSHGATE_X86
    &kernels_avx512,
    &kernels_avx2,
#endif
    &kernels_base,
};

}  // namespace

const Kernels& best_kernels() {
    for (const Kernels* kernels : kAll)
        if (runs(*kernels)) return *kernels;
    return kernels_base;
}

const Kernels* find_kernels(const char* name) {
    for (const Kernels* kernels : kAll)
        if (std::strcmp(kernels->name, name) == 0 && runs(*kernels)) return kernels;
    return nullptr;
}

}  // namespace hushgate
