// A pass of the complex FFT whose radix is a large prime.
#pragma once

#include "buffer.h"
#include "kernels.h"

namespace hushgate {

// As `fft_pass` of the kernels, for any odd radix. Values j and radix - j share their products, which are two
// matrix products for all butterflies: (radix - 1)^2 real multiplications for each.
class PrimePass {
public:
    PrimePass(int radix, int count, int stride);

    void run(const Kernels& kernels, const float* twiddles, const float* in_re, const float* in_im, float* out_re,
             float* out_im) noexcept;

private:
    int radix_, count_, stride_;
    int half_, columns_;          // (radix - 1) / 2, and filled up to whole vectors
    Buffer cosines_, sines_;      // (half, columns): of the radix's roots
    Buffer sums_, differences_;   // two rows for each butterfly, of real and of imaginary parts
    Buffer even_, odd_;
};

}  // namespace hushgate
