// The setting of hum removal: how far hum is turned down, in ramps (engine/hum/hum_reducer.py).
#pragma once

#include <cstddef>

#include "../gain_ramp.h"
#include "hum_canceller.h"

namespace hushgate {

// Turns steady mains hum down by a number of dB, which may change while sound runs.
//
// What is hum is found in the last 8 s (`HumCanceller`); a change of the setting is a ramp of 20 ms. With 0 dB
// nothing is looked for, and later settings begin from there. Digital silence stays silent.
class HumReducer {
public:
    HumReducer(double sample_rate, int num_channels, const Kernels& kernels);

    // Uses another reduction from the next sample on; `at_once` without a ramp. Bypassed, hum is followed and
    // left in the sound.
    void configure(double reduction_db, bool is_bypassed, bool at_once) noexcept;
    // Forgets all sound.
    void reset() noexcept;

    // Whether hum is looked for.
    bool is_on() const { return is_wanted_ || !ramp_.is_settled(); }
    double frequency_hz() const { return canceller_.frequency_hz(); }

    // The next samples with less hum. Those that are no sound stay as they are, and count as 0 here. `in` and
    // `out` may be the same.
    void process(const float* const* in, float* const* out, std::size_t num_samples) noexcept;

    // Takes in the beginning of a recording, of which 30 s are used at most; `rewind` is to follow. Allocates: not
    // for the sound's thread.
    void learn(const float* const* in, std::size_t num_samples);
    // Begins anew with the recording that `learn` was given, knowing its hum.
    void rewind() noexcept;

private:
    void take_in(const float* const* in, std::size_t first, int count) noexcept;
    void find_silence(int count) noexcept;
    void clean(int count) noexcept;
    void advance(int count) noexcept;
    void forget_when_off() noexcept;

    int num_channels_;
    HumCanceller canceller_;
    GainRamp ramp_;  // `wet` is the part of the hum to subtract
    bool is_wanted_ = false, is_empty_ = true;
    int num_zeros_ = 0;
    std::vector<char> is_silent_;  // of the samples of a hop
};

}  // namespace hushgate
