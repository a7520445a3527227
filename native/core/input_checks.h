// Which samples are sound (engine/signal/input_checks.py).
#pragma once

#include <cmath>

namespace hushgate {

// Samples beyond this (240 dB over full scale) are not sound.
constexpr float kLargestSample = 1e12f;

// False for NaN too.
inline bool is_sound(float sample) { return std::fabs(sample) <= kLargestSample; }

// 0 for samples that are not finite or not sound.
inline float cleaned(float sample) { return is_sound(sample) ? sample : 0.0f; }

}  // namespace hushgate
