// The kernels for one kind of processor. Compiled several times, with HUSHGATE_KERNELS (the name) and
// HUSHGATE_WIDTH (floats in a vector), and with instructions that other files must not use.

#include "kernels.h"

#include "fft_passes.h"
#include "vectors.h"

namespace {

constexpr int kRowsAtOnce = 6;

template <int rows, int vectors>
inline void tile(const float* a, std::ptrdiff_t a_stride, int depth, const float* b, std::ptrdiff_t b_stride,
                 const float* bias, float* c, std::ptrdiff_t c_stride, bool is_added) {
    Vec sums[rows][vectors];
#pragma GCC unroll 8
    for (int row = 0; row < rows; ++row) {
#pragma GCC unroll 2
        for (int v = 0; v < vectors; ++v) {
            sums[row][v] = bias == nullptr ? Vec{} : load(bias + v * kWidth);
            if (is_added) sums[row][v] += load(c + row * c_stride + v * kWidth);
        }
    }
    for (int k = 0; k < depth; ++k) {
        Vec values[vectors];
#pragma GCC unroll 2
        for (int v = 0; v < vectors; ++v) values[v] = load(b + k * b_stride + v * kWidth);
#pragma GCC unroll 8
        for (int row = 0; row < rows; ++row) {
            const Vec factor = all(a[row * a_stride + k]);
#pragma GCC unroll 2
            for (int v = 0; v < vectors; ++v) sums[row][v] += factor * values[v];
        }
    }
#pragma GCC unroll 8
    for (int row = 0; row < rows; ++row) {
#pragma GCC unroll 2
        for (int v = 0; v < vectors; ++v) store(c + row * c_stride + v * kWidth, sums[row][v]);
    }
}

template <int vectors>
void panel(const float* a, std::ptrdiff_t a_stride, int rows, int depth, const float* b,
           std::ptrdiff_t b_stride, const float* bias, float* c, std::ptrdiff_t c_stride, bool is_added) {
    int row = 0;
    for (; row + kRowsAtOnce <= rows; row += kRowsAtOnce)
        tile<kRowsAtOnce, vectors>(a + row * a_stride, a_stride, depth, b, b_stride, bias, c + row * c_stride,
                                   c_stride, is_added);
    a += row * a_stride;
    c += row * c_stride;
    switch (rows - row) {
        case 5: return tile<5, vectors>(a, a_stride, depth, b, b_stride, bias, c, c_stride, is_added);
        case 4: return tile<4, vectors>(a, a_stride, depth, b, b_stride, bias, c, c_stride, is_added);
        case 3: return tile<3, vectors>(a, a_stride, depth, b, b_stride, bias, c, c_stride, is_added);
        case 2: return tile<2, vectors>(a, a_stride, depth, b, b_stride, bias, c, c_stride, is_added);
        case 1: return tile<1, vectors>(a, a_stride, depth, b, b_stride, bias, c, c_stride, is_added);
        default: return;
    }
}

void product(const float* a, std::ptrdiff_t a_stride, int rows, int depth, const float* b,
             std::ptrdiff_t b_stride, int columns, const float* bias, float* c, std::ptrdiff_t c_stride,
             bool is_added) {
    // All rows for a few columns: those of `b` then stay in the fastest cache.
    int column = 0;
    for (; column + 2 * kWidth <= columns; column += 2 * kWidth)
        panel<2>(a, a_stride, rows, depth, b + column, b_stride, bias == nullptr ? nullptr : bias + column,
                 c + column, c_stride, is_added);
    if (column < columns)
        panel<1>(a, a_stride, rows, depth, b + column, b_stride, bias == nullptr ? nullptr : bias + column,
                 c + column, c_stride, is_added);
}

void silu(float* x, int size) {
    for (int at = 0; at < size; at += kWidth) {
        const Vec value = load(x + at);
        store(x + at, value * sigmoid(value));
    }
}

void add_silu(float* x, const float* y, int size) {
    for (int at = 0; at < size; at += kWidth) {
        const Vec value = load(y + at);
        store(x + at, load(x + at) + value * sigmoid(value));
    }
}

void gru(const float* given, const float* own, float* hidden, int rows, int width) {
    for (int row = 0; row < rows; ++row, given += 3 * width, own += 3 * width, hidden += width) {
        for (int at = 0; at < width; at += kWidth) {
            const Vec update = sigmoid(load(given + at) + load(own + at));
            const Vec reset = sigmoid(load(given + width + at) + load(own + width + at));
            const Vec candidate =
                hyperbolic_tangent(load(given + 2 * width + at) + reset * load(own + 2 * width + at));
            store(hidden + at, candidate + update * (load(hidden + at) - candidate));
        }
    }
}

void softmax(float* x, int rows, int count, std::ptrdiff_t stride) {
    const int whole = (count + kWidth - 1) / kWidth * kWidth;
    for (int row = 0; row < rows; ++row, x += stride) {
        for (int at = count; at < whole; ++at) x[at] = -1e30f;
        float largest = x[0];
        for (int at = 1; at < count; ++at) largest = x[at] > largest ? x[at] : largest;
        Vec sums{};
        for (int at = 0; at < whole; at += kWidth) {
            const Vec share = exponential(load(x + at) - largest);
            store(x + at, share);
            sums += share;
        }
        float sum = 0.0f;
        for (int lane = 0; lane < kWidth; ++lane) sum += sums[lane];
        const float factor = 1.0f / sum;
        for (int at = 0; at < whole; at += kWidth) store(x + at, load(x + at) * factor);
    }
}

void features(const float* re, const float* im, int size, float* power, float* scaled_re, float* scaled_im,
              float* magnitude) {
    for (int at = 0; at < size; at += kWidth) {
        const Vec real = load(re + at), imaginary = load(im + at);
        const Vec squared = real * real + imaginary * imaginary + 1e-12f;
        const Vec level = logarithm(squared);
        const Vec scale = exponential(-0.35f * level);
        store(power + at, squared);
        store(scaled_re + at, real * scale);
        store(scaled_im + at, imaginary * scale);
        store(magnitude + at, exponential(0.15f * level));
    }
}

}  // namespace

#define HUSHGATE_QUOTED_(name) #name
#define HUSHGATE_QUOTED(name) HUSHGATE_QUOTED_(name)
#define HUSHGATE_JOINED_(one, other) one##other
#define HUSHGATE_JOINED(one, other) HUSHGATE_JOINED_(one, other)

namespace hushgate {

extern const Kernels HUSHGATE_JOINED(kernels_, HUSHGATE_KERNELS);
const Kernels HUSHGATE_JOINED(kernels_, HUSHGATE_KERNELS) = {
    HUSHGATE_QUOTED(HUSHGATE_KERNELS), kWidth, product, silu, add_silu, gru, softmax, features, fft_pass,
};

}  // namespace hushgate
