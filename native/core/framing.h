// Frame lengths, windows and spectrum scaling (engine/signal/framing.py).
#pragma once

#include "buffer.h"

namespace hushgate {

// Samples in a frame: the even multiple of `overlap` without prime factors above 11 nearest to `frame_ms`.
int frame_size_for(double sample_rate, double frame_ms, int overlap);

// The square root of a periodic Hann window.
Buffer analysis_window(int frame_size);

// The factor that makes a full-scale sine read 1.0 in its bin.
double spectrum_scale(const Buffer& window);

}  // namespace hushgate
