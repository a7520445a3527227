#include "prime_pass.h"

#include <cmath>

namespace hushgate {

namespace {

constexpr double kPi = 3.141592653589793238462643383279502884;

}  // namespace

PrimePass::PrimePass(int radix, int count, int stride)
    : radix_(radix), count_(count), stride_(stride), half_((radix - 1) / 2), columns_(padded(half_)) {
    const std::size_t num_rows = 2 * std::size_t(count) * stride;
    cosines_ = Buffer(std::size_t(half_) * columns_);
    sines_ = Buffer(std::size_t(half_) * columns_);
    for (int j = 1; j <= half_; ++j) {
        for (int k = 1; k <= half_; ++k) {
            const double angle = 2.0 * kPi * double(static_cast<long long>(j) * k % radix) / radix;
            cosines_[std::size_t(j - 1) * columns_ + k - 1] = float(std::cos(angle));
            sines_[std::size_t(j - 1) * columns_ + k - 1] = float(std::sin(angle));
        }
    }
    for (Buffer* rows : {&sums_, &differences_, &even_, &odd_}) *rows = Buffer(num_rows * columns_);
}

void PrimePass::run(const Kernels& kernels, const float* twiddles, const float* in_re, const float* in_im,
                    float* out_re, float* out_im) noexcept {
    const int num_butterflies = count_ * stride_, apart = num_butterflies;
    for (int at = 0; at < num_butterflies; ++at) {
        float* sums = sums_.data() + 2 * std::size_t(at) * columns_;
        float* differences = differences_.data() + 2 * std::size_t(at) * columns_;
        for (int j = 1; j <= half_; ++j) {
            const int one = at + apart * j, other = at + apart * (radix_ - j);
            sums[j - 1] = in_re[one] + in_re[other];
            sums[columns_ + j - 1] = in_im[one] + in_im[other];
            differences[j - 1] = in_re[one] - in_re[other];
            differences[columns_ + j - 1] = in_im[one] - in_im[other];
        }
    }
    kernels.product(sums_.data(), columns_, 2 * num_butterflies, half_, cosines_.data(), columns_, columns_,
                    nullptr, even_.data(), columns_, false);
    kernels.product(differences_.data(), columns_, 2 * num_butterflies, half_, sines_.data(), columns_, columns_,
                    nullptr, odd_.data(), columns_, false);
    const float* sine_twiddles = twiddles + std::size_t(radix_ - 1) * count_;
    for (int at = 0; at < num_butterflies; ++at) {
        const int p = at / stride_, q = at % stride_;
        const float first_re = in_re[at], first_im = in_im[at];
        const float* sums = sums_.data() + 2 * std::size_t(at) * columns_;
        const float* even = even_.data() + 2 * std::size_t(at) * columns_;
        const float* odd = odd_.data() + 2 * std::size_t(at) * columns_;
        float *to_re = out_re + q + std::size_t(stride_) * radix_ * p;
        float *to_im = out_im + q + std::size_t(stride_) * radix_ * p;
        float all_re = first_re, all_im = first_im;
        for (int j = 0; j < half_; ++j) {
            all_re += sums[j];
            all_im += sums[columns_ + j];
        }
        to_re[0] = all_re;
        to_im[0] = all_im;
        const auto write = [&](int k, float re, float im) {
            const float cosine = twiddles[std::size_t(k - 1) * count_ + p];
            const float sine = sine_twiddles[std::size_t(k - 1) * count_ + p];
            to_re[std::size_t(stride_) * k] = re * cosine - im * sine;
            to_im[std::size_t(stride_) * k] = re * sine + im * cosine;
        };
        for (int k = 1; k <= half_; ++k) {
            const float even_re = first_re + even[k - 1], even_im = first_im + even[columns_ + k - 1];
            const float odd_re = odd[columns_ + k - 1], odd_im = odd[k - 1];
            write(k, even_re + odd_re, even_im - odd_im);
            write(radix_ - k, even_re - odd_re, even_im + odd_im);
        }
    }
}

}  // namespace hushgate
