// Passes of the complex FFT: butterflies of 2, 4 and the odd primes to 11. For kernels.cpp.
//
// A pass of radix r over `stride` interleaved transforms of length n = r m reads x[q + s (p + m j)], takes
// the r-point transform over j, multiplies number k by w_n^(p k) and writes y[q + s (r p + k)] (Stockham's
// autosorting form, as in Van Loan, Computational Frameworks for the FFT, 1992).
#pragma once

namespace {

// The transform of `radix` values in place. Odd radices use that values j and r - j share their products:
// (r - 1)^2 real multiplications instead of 4 (r - 1)^2.
template <int radix>
inline void butterfly(float* re, float* im, const float* roots) {
    if constexpr (radix == 2) {
        const float r = re[0] - re[1], i = im[0] - im[1];
        re[0] += re[1];
        im[0] += im[1];
        re[1] = r;
        im[1] = i;
    } else if constexpr (radix == 4) {
        const float r02 = re[0] + re[2], i02 = im[0] + im[2], d02 = re[0] - re[2], e02 = im[0] - im[2];
        const float r13 = re[1] + re[3], i13 = im[1] + im[3], d13 = re[1] - re[3], e13 = im[1] - im[3];
        re[0] = r02 + r13;
        im[0] = i02 + i13;
        re[1] = d02 + e13;
        im[1] = e02 - d13;
        re[2] = r02 - r13;
        im[2] = i02 - i13;
        re[3] = d02 - e13;
        im[3] = e02 + d13;
    } else {
        constexpr int half = (radix - 1) / 2;
        float sum_re[half], sum_im[half], off_re[half], off_im[half];
        const float first_re = re[0], first_im = im[0];
#pragma GCC unroll 8
        for (int j = 0; j < half; ++j) {
            sum_re[j] = re[j + 1] + re[radix - 1 - j];
            sum_im[j] = im[j + 1] + im[radix - 1 - j];
            off_re[j] = re[j + 1] - re[radix - 1 - j];
            off_im[j] = im[j + 1] - im[radix - 1 - j];
            re[0] += sum_re[j];
            im[0] += sum_im[j];
        }
#pragma GCC unroll 8
        for (int k = 1; k <= half; ++k) {
            float even_re = first_re, even_im = first_im, odd_re = 0.0f, odd_im = 0.0f;
#pragma GCC unroll 8
            for (int j = 0; j < half; ++j) {
                const int turn = (j + 1) * k % radix;
                even_re += roots[turn] * sum_re[j];
                even_im += roots[turn] * sum_im[j];
                odd_re += roots[radix + turn] * off_im[j];
                odd_im += roots[radix + turn] * off_re[j];
            }
            re[k] = even_re + odd_re;
            im[k] = even_im - odd_im;
            re[radix - k] = even_re - odd_re;
            im[radix - k] = even_im + odd_im;
        }
    }
}

template <int radix>
void fixed_pass(int count, int stride, const float* __restrict twiddles, const float* __restrict roots,
                const float* __restrict in_re, const float* __restrict in_im, float* __restrict out_re,
                float* __restrict out_im) {
    const float* sines = twiddles + (radix - 1) * count;
    if (stride == 1) {  // one transform: vectors over the butterflies
        for (int p = 0; p < count; ++p) {
            float re[radix], im[radix];
#pragma GCC unroll 16
            for (int j = 0; j < radix; ++j) {
                re[j] = in_re[p + count * j];
                im[j] = in_im[p + count * j];
            }
            butterfly<radix>(re, im, roots);
            out_re[radix * p] = re[0];
            out_im[radix * p] = im[0];
#pragma GCC unroll 16
            for (int k = 1; k < radix; ++k) {
                const float cosine = twiddles[(k - 1) * count + p], sine = sines[(k - 1) * count + p];
                out_re[radix * p + k] = re[k] * cosine - im[k] * sine;
                out_im[radix * p + k] = re[k] * sine + im[k] * cosine;
            }
        }
        return;
    }
    for (int p = 0; p < count; ++p) {
        float cosine[radix], sine[radix];
        for (int k = 1; k < radix; ++k) {
            cosine[k] = twiddles[(k - 1) * count + p];
            sine[k] = sines[(k - 1) * count + p];
        }
        const float *from_re = in_re + stride * p, *from_im = in_im + stride * p;
        float *to_re = out_re + stride * radix * p, *to_im = out_im + stride * radix * p;
#pragma GCC ivdep
        for (int q = 0; q < stride; ++q) {
            float re[radix], im[radix];
#pragma GCC unroll 16
            for (int j = 0; j < radix; ++j) {
                re[j] = from_re[q + stride * count * j];
                im[j] = from_im[q + stride * count * j];
            }
            butterfly<radix>(re, im, roots);
            to_re[q] = re[0];
            to_im[q] = im[0];
#pragma GCC unroll 16
            for (int k = 1; k < radix; ++k) {
                to_re[q + stride * k] = re[k] * cosine[k] - im[k] * sine[k];
                to_im[q + stride * k] = re[k] * sine[k] + im[k] * cosine[k];
            }
        }
    }
}

void fft_pass(int radix, int count, int stride, const float* twiddles, const float* roots, const float* in_re,
              const float* in_im, float* out_re, float* out_im) {
    switch (radix) {
        case 2: return fixed_pass<2>(count, stride, twiddles, roots, in_re, in_im, out_re, out_im);
        case 3: return fixed_pass<3>(count, stride, twiddles, roots, in_re, in_im, out_re, out_im);
        case 4: return fixed_pass<4>(count, stride, twiddles, roots, in_re, in_im, out_re, out_im);
        case 5: return fixed_pass<5>(count, stride, twiddles, roots, in_re, in_im, out_re, out_im);
        case 7: return fixed_pass<7>(count, stride, twiddles, roots, in_re, in_im, out_re, out_im);
        default: return fixed_pass<11>(count, stride, twiddles, roots, in_re, in_im, out_re, out_im);
    }
}

}  // namespace
