// The Fourier transform of real frames of any even length.
#pragma once

#include <memory>
#include <vector>

#include "buffer.h"
#include "kernels.h"
#include "prime_pass.h"

namespace hushgate {

// Transforms frames of `size` samples to spectra of size / 2 + 1 bins and back. A transform of half as many
// complex numbers does the work; passes of 4, 2 and odd primes, as `size` has factors.
class Fft {
public:
    // size: even, 2 or more.
    Fft(int size, const Kernels& kernels);

    int size() const { return size_; }

    // Spectrum of `frame`, plain sums as numpy's rfft.
    void forward(const float* frame, Spectrum& spectrum) noexcept;
    // The frame of `spectrum`, as numpy's irfft. The imaginary parts of the lowest and highest bin count as 0.
    void inverse(const Spectrum& spectrum, float* frame) noexcept;

private:
    struct Pass {
        int radix, count, stride;
        Buffer twiddles, roots;
        std::unique_ptr<PrimePass> prime;  // null for the radices of the kernels
    };

    // Transforms half_re_ and half_im_ in place.
    void transform() noexcept;

    int size_, half_;
    const Kernels& kernels_;
    std::vector<Pass> passes_;
    Buffer half_re_, half_im_, other_re_, other_im_;
    Buffer cosines_, sines_;  // of the bins, for the step from the half transform to the real one
};

}  // namespace hushgate
