#include "hum_reducer.h"

#include <algorithm>
#include <cmath>

#include "../input_checks.h"

namespace hushgate {

namespace {

constexpr double kRampMs = 20.0;
// So many zeros in a row are digital silence, and stay it.
constexpr int kSilentSamples = 64;

}  // namespace

HumReducer::HumReducer(double sample_rate, int num_channels, const Kernels& kernels)
    : num_channels_(num_channels),
      canceller_(sample_rate, num_channels, kernels),
      ramp_(int(std::nearbyint(sample_rate * kRampMs / 1000.0))),
      is_silent_(canceller_.num_missing()) {}

void HumReducer::configure(double reduction_db, bool is_bypassed, bool at_once) noexcept {
    const double share = 1.0 - std::pow(10.0, -reduction_db / 20.0);
    is_wanted_ = share > 0.0;
    const Gains gains = is_bypassed ? Gains{1.0, 0.0} : Gains{1.0 - share, share};
    if (at_once) {
        ramp_.jump_to(gains);
    } else {
        ramp_.go_to(gains);
    }
    forget_when_off();
}

void HumReducer::reset() noexcept {
    num_zeros_ = 0;
    canceller_.reset();
    is_empty_ = true;
}

void HumReducer::process(const float* const* in, float* const* out, std::size_t num_samples) noexcept {
    for (std::size_t done = 0; done < num_samples;) {
        const int count = int(std::min<std::size_t>(num_samples - done, canceller_.num_missing()));
        // All channels are read before the first is written: hosts process in place.
        take_in(in, done, count);
        find_silence(count);
        GainRamp ramp = ramp_;
        for (int channel = 0; channel < num_channels_; ++channel) {
            const float *sound = canceller_.sound(channel), *hum = canceller_.hum(channel);
            float* to = out[channel] + done;
            ramp = ramp_;
            for (int at = 0; at < count; ++at) {
                const float share = float(ramp.is_settled() ? ramp.target().wet : ramp.step().wet);
                const bool is_kept = hum == nullptr || share == 0.0f || is_silent_[at] || !is_sound(sound[at]);
                to[at] = is_kept ? sound[at] : sound[at] - share * hum[at];
            }
        }
        ramp_ = ramp;
        advance(count);
        forget_when_off();
        done += count;
    }
}

void HumReducer::learn(const float* const* in, std::size_t num_samples) {
    if (!is_on()) return;
    canceller_.learn();
    for (std::size_t done = 0; done < num_samples && canceller_.is_learning();) {
        const int count = int(std::min<std::size_t>(num_samples - done, canceller_.num_missing()));
        take_in(in, done, count);
        advance(count);
        done += count;
    }
}

void HumReducer::rewind() noexcept {
    num_zeros_ = 0;
    canceller_.rewind();
}

void HumReducer::take_in(const float* const* in, std::size_t first, int count) noexcept {
    is_empty_ = false;
    for (int channel = 0; channel < num_channels_; ++channel)
        std::copy_n(in[channel] + first, count, canceller_.sound(channel));
}

void HumReducer::find_silence(int count) noexcept {
    for (int at = 0; at < count; ++at) {
        bool is_zero = true;
        for (int channel = 0; channel < num_channels_; ++channel)
            is_zero = is_zero && cleaned(canceller_.sound(channel)[at]) == 0.0f;
        num_zeros_ = is_zero ? std::min(num_zeros_ + 1, kSilentSamples + 1) : 0;
        is_silent_[at] = num_zeros_ > kSilentSamples;
    }
}

void HumReducer::advance(int count) noexcept {
    clean(count);
    canceller_.advance(count);
}

void HumReducer::clean(int count) noexcept {
    for (int channel = 0; channel < num_channels_; ++channel) {
        float* sound = canceller_.sound(channel);
        for (int at = 0; at < count; ++at) sound[at] = cleaned(sound[at]);
    }
}

// What is not looked for is forgotten.
void HumReducer::forget_when_off() noexcept {
    if (is_on() || is_empty_) return;
    canceller_.reset();
    is_empty_ = true;
}

}  // namespace hushgate
