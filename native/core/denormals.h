// Denormal numbers count as 0 while an object of this class lives: they are slow, and far below hearing.
#pragma once

#include <cstdint>

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

namespace hushgate {

class NoDenormals {
public:
    NoDenormals() : before_(read()) { write(before_ | kFlags); }
    ~NoDenormals() { write(before_); }
    NoDenormals(const NoDenormals&) = delete;
    NoDenormals& operator=(const NoDenormals&) = delete;

private:
#if defined(__SSE__)
    static constexpr std::uint64_t kFlags = 0x8040;  // flush to zero, denormals are zero
    static std::uint64_t read() { return _mm_getcsr(); }
    static void write(std::uint64_t flags) { _mm_setcsr(static_cast<unsigned>(flags)); }
#elif defined(__aarch64__)
    static constexpr std::uint64_t kFlags = 1u << 24;
    static std::uint64_t read() {
        std::uint64_t flags;
        asm volatile("mrs %0, fpcr" : "=r"(flags));
        return flags;
    }
    static void write(std::uint64_t flags) { asm volatile("msr fpcr, %0" : : "r"(flags)); }
#else
    static constexpr std::uint64_t kFlags = 0;
    static std::uint64_t read() { return 0; }
    static void write(std::uint64_t) {}
#endif
    std::uint64_t before_;
};

}  // namespace hushgate
