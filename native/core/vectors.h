// Vectors of floats as GCC and clang have them, and the functions of them that networks need.
//
// Only for kernels.cpp, which is compiled once for each kind of processor: no function here may be shared with
// other files, so everything is in an anonymous namespace and nothing of the standard library is used.
#pragma once

namespace {

constexpr int kWidth = HUSHGATE_WIDTH;

typedef float Vec __attribute__((vector_size(4 * HUSHGATE_WIDTH)));
typedef int IntVec __attribute__((vector_size(4 * HUSHGATE_WIDTH)));

inline Vec load(const float* from) {
    Vec value;
    __builtin_memcpy(&value, from, sizeof value);
    return value;
}

inline void store(float* to, Vec value) { __builtin_memcpy(to, &value, sizeof value); }

inline Vec all(float value) { return value - Vec{}; }

// NaN stays NaN in both.
inline Vec at_least(Vec x, float bound) { return x < bound ? all(bound) : x; }
inline Vec at_most(Vec x, float bound) { return x > bound ? all(bound) : x; }

inline Vec from_bits(IntVec bits) {
    Vec value;
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
}

inline IntVec to_bits(Vec value) {
    IntVec bits;
    __builtin_memcpy(&bits, &value, sizeof bits);
    return bits;
}

// e^x within 2 units in the last place from -87 to 88; constant beyond.
// Cody and Waite's reduction, and the polynomial of Moshier's Cephes.
inline Vec exponential(Vec x) {
    x = at_most(at_least(x, -87.0f), 88.0f);
    // Adding 1.5 x 2^23 leaves the nearest whole number in the low bits of the sum.
    const Vec shifted = x * 1.44269504088896341f + 12582912.0f;
    const Vec whole = shifted - 12582912.0f;
    const Vec rest = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
    Vec sum = rest * 1.9875691500e-4f + 1.3981999507e-3f;
    sum = sum * rest + 8.3334519073e-3f;
    sum = sum * rest + 4.1665795894e-2f;
    sum = sum * rest + 1.6666665459e-1f;
    sum = sum * rest + 5.0000001201e-1f;
    sum = sum * (rest * rest) + rest + 1.0f;
    return sum * from_bits((to_bits(shifted) - 0x4B400000 + 127) << 23);
}

// The natural logarithm of normal numbers above 0 (Cephes).
inline Vec logarithm(Vec x) {
    const IntVec bits = to_bits(x);
    IntVec exponent = ((bits >> 23) & 0xFF) - 126;
    Vec part = from_bits((bits & 0x007FFFFF) | 0x3F000000);  // 0.5 to 1
    const IntVec is_small = part < 0.707106781186547524f;
    exponent += is_small;  // true is -1
    part = is_small ? part + part - 1.0f : part - 1.0f;
    const Vec whole = __builtin_convertvector(exponent, Vec);
    const Vec square = part * part;
    Vec sum = part * 7.0376836292e-2f - 1.1514610310e-1f;
    sum = sum * part + 1.1676998740e-1f;
    sum = sum * part - 1.2420140846e-1f;
    sum = sum * part + 1.4249322787e-1f;
    sum = sum * part - 1.6668057665e-1f;
    sum = sum * part + 2.0000714765e-1f;
    sum = sum * part - 2.4999993993e-1f;
    sum = sum * part + 3.3333331174e-1f;
    sum = sum * part * square - whole * 2.12194440e-4f - 0.5f * square;
    // Infinity and NaN have no logarithm here; x - x keeps them visible.
    return part + sum + whole * 0.693359375f + (x - x);
}

inline Vec sigmoid(Vec x) { return 1.0f / (1.0f + exponential(-x)); }

inline Vec hyperbolic_tangent(Vec x) { return 1.0f - 2.0f / (1.0f + exponential(2.0f * x)); }

}  // namespace
