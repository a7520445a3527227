#include "fft.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace hushgate {

namespace {

constexpr int kLargestOfKernels = 11;
constexpr double kPi = 3.141592653589793238462643383279502884;

std::vector<int> radices(int length) {
    std::vector<int> result;
    // Odd factors first: the passes after them have long rows to work on.
    int rest = length;
    for (int prime = 3; prime * prime <= rest; prime += 2)
        for (; rest % prime == 0; rest /= prime) result.push_back(prime);
    int twos = 0;
    for (; rest % 2 == 0; rest /= 2) ++twos;
    // Left over is an odd prime, found last as its square is larger.
    for (int prime = 3; rest > 1; prime += 2)
        for (; rest % prime == 0; rest /= prime) result.push_back(prime);
    std::sort(result.rbegin(), result.rend());
    for (; twos >= 2; twos -= 2) result.push_back(4);
    if (twos == 1) result.push_back(2);
    return result;
}

}  // namespace

Fft::Fft(int size, const Kernels& kernels)
    : size_(size),
      half_(size / 2),
      kernels_(kernels),
      half_re_(half_),
      half_im_(half_),
      other_re_(half_),
      other_im_(half_),
      cosines_(half_ + 1),
      sines_(half_ + 1) {
    int length = half_, stride = 1;
    for (const int radix : radices(half_)) {
        Pass pass{radix, length / radix, stride, Buffer(2 * std::size_t(radix - 1) * (length / radix)),
                  Buffer(2 * std::size_t(radix)), nullptr};
        if (radix > kLargestOfKernels) pass.prime = std::make_unique<PrimePass>(radix, pass.count, stride);
        for (int k = 1; k < radix; ++k) {
            for (int p = 0; p < pass.count; ++p) {
                const double angle = -2.0 * kPi * (double(p) * k) / length;
                pass.twiddles[std::size_t(k - 1) * pass.count + p] = float(std::cos(angle));
                pass.twiddles[std::size_t(radix - 1 + k - 1) * pass.count + p] = float(std::sin(angle));
            }
        }
        for (int k = 0; k < radix; ++k) {
            pass.roots[k] = float(std::cos(2.0 * kPi * k / radix));
            pass.roots[radix + k] = float(std::sin(2.0 * kPi * k / radix));
        }
        length /= radix;
        stride *= radix;
        passes_.push_back(std::move(pass));
    }
    for (int bin = 0; bin <= half_; ++bin) {
        cosines_[bin] = float(std::cos(kPi * bin / half_));
        sines_[bin] = float(std::sin(kPi * bin / half_));
    }
}

void Fft::transform() noexcept {
    for (const Pass& pass : passes_) {
        if (pass.prime) {
            pass.prime->run(kernels_, pass.twiddles.data(), half_re_.data(), half_im_.data(), other_re_.data(),
                            other_im_.data());
        } else {
            kernels_.fft_pass(pass.radix, pass.count, pass.stride, pass.twiddles.data(), pass.roots.data(),
                              half_re_.data(), half_im_.data(), other_re_.data(), other_im_.data());
        }
        std::swap(half_re_, other_re_);
        std::swap(half_im_, other_im_);
    }
}

// Even samples are taken as real parts and odd ones as imaginary parts. With Z their transform, the transforms
// of the even and of the odd samples are E = (Z[k] + conj Z[n - k]) / 2 and O = (Z[k] - conj Z[n - k]) / 2i,
// and the spectrum is E + exp(-i pi k / n) O.
void Fft::forward(const float* frame, Spectrum& spectrum) noexcept {
    for (int at = 0; at < half_; ++at) {
        half_re_[at] = frame[2 * at];
        half_im_[at] = frame[2 * at + 1];
    }
    transform();
    const float *re = half_re_.data(), *im = half_im_.data();
    float *to_re = spectrum.re.data(), *to_im = spectrum.im.data();
    to_re[0] = re[0] + im[0];
    to_re[half_] = re[0] - im[0];
    to_im[0] = to_im[half_] = 0.0f;
    for (int bin = 1; bin < half_; ++bin) {
        const int mirror = half_ - bin;
        const float even_re = 0.5f * (re[bin] + re[mirror]), even_im = 0.5f * (im[bin] - im[mirror]);
        const float odd_re = 0.5f * (im[bin] + im[mirror]), odd_im = 0.5f * (re[mirror] - re[bin]);
        to_re[bin] = even_re + cosines_[bin] * odd_re + sines_[bin] * odd_im;
        to_im[bin] = even_im + cosines_[bin] * odd_im - sines_[bin] * odd_re;
    }
}

void Fft::inverse(const Spectrum& spectrum, float* frame) noexcept {
    const float *re = spectrum.re.data(), *im = spectrum.im.data();
    // The inverse transform is the forward one with real and imaginary parts exchanged.
    float *to_re = half_im_.data(), *to_im = half_re_.data();
    const float scale = 1.0f / float(half_);
    to_re[0] = 0.5f * scale * (re[0] + re[half_]);
    to_im[0] = 0.5f * scale * (re[0] - re[half_]);
    for (int bin = 1; bin < half_; ++bin) {
        const int mirror = half_ - bin;
        const float even_re = 0.5f * (re[bin] + re[mirror]), even_im = 0.5f * (im[bin] - im[mirror]);
        const float half_re = 0.5f * (re[bin] - re[mirror]), half_im = 0.5f * (im[bin] + im[mirror]);
        const float odd_re = half_re * cosines_[bin] - half_im * sines_[bin];
        const float odd_im = half_re * sines_[bin] + half_im * cosines_[bin];
        to_re[bin] = scale * (even_re - odd_im);
        to_im[bin] = scale * (even_im + odd_re);
    }
    transform();
    for (int at = 0; at < half_; ++at) {
        frame[2 * at] = half_im_[at];
        frame[2 * at + 1] = half_re_[at];
    }
}

}  // namespace hushgate
