// The inner loops, once for each kind of processor, chosen when the library loads.
#pragma once

#include <cstddef>

namespace hushgate {

// Functions over floats. Arrays that belong to products have rows of a multiple of `kPadding` floats.
struct Kernels {
    const char* name;
    int width;  // floats in a vector

    // c (rows, columns) = a (rows, depth) x b (depth, columns) + bias, or added to c. `bias` may be null.
    // Strides are floats from row to row, and may be shorter than the depth: rows of `a` may overlap.
    void (*product)(const float* a, std::ptrdiff_t a_stride, int rows, int depth, const float* b,
                    std::ptrdiff_t b_stride, int columns, const float* bias, float* c,
                    std::ptrdiff_t c_stride, bool is_added);
    // x = x sigmoid(x)
    void (*silu)(float* x, int size);
    // x = x + y sigmoid(y)
    void (*add_silu)(float* x, const float* y, int size);
    // The next hidden state of a GRU from the products of its input and of its state: update, reset and
    // candidate side by side, `width` floats each.
    void (*gru)(const float* given, const float* own, float* hidden, int rows, int width);
    // Rows of shares: exp(x) / sum(exp(x)) over the first `count` values of a row.
    void (*softmax)(float* x, int rows, int count, std::ptrdiff_t stride);
    // power = re^2 + im^2 + 1e-12; re and im times power^-0.35; power^0.15. Sizes are filled up to a vector.
    void (*features)(const float* re, const float* im, int size, float* power, float* scaled_re,
                     float* scaled_im, float* magnitude);

    // One pass of a complex FFT (Stockham): `count` butterflies of `radix` (2, 3, 4, 5, 7, 11) for each of
    // `stride` interleaved transforms. `twiddles` holds (radix - 1) rows of `count` cosines, then as many of
    // sines; `roots` cosines and sines of the radix.
    void (*fft_pass)(int radix, int count, int stride, const float* twiddles, const float* roots,
                     const float* in_re, const float* in_im, float* out_re, float* out_im);
};

// The fastest kernels that this processor runs.
const Kernels& best_kernels();

// Kernels by name ("base", "avx2", "avx512"); null when the processor cannot run them or there are none.
const Kernels* find_kernels(const char* name);

}  // namespace hushgate
