// Refinement of masks for noise that hardly changes within seconds, such as hiss. engine/steady_noise.py has the
// method and its reasons.
#pragma once

#include <vector>

#include "buffer.h"

namespace hushgate {

class SteadyNoise {
public:
    SteadyNoise(int num_channels, int num_bins, double hop_s);

    void reset() noexcept;

    // Writes the next frame under the refined mask.
    //   masks: of each channel, or one for all.
    //   is_paired: two channels under one mask, to be rotated along and across their direction.
    void apply(const std::vector<Spectrum>& noisy, const std::vector<const Spectrum*>& masks,
               std::vector<Spectrum>& target, bool is_paired) noexcept;

private:
    // Exponentially fading means of rows of values.
    struct RecursiveMean {
        RecursiveMean(int rows, int size, double step);

        float* row(int index) { return state.data() + std::size_t(index) * size; }
        void follow(int index, const float* values) noexcept;
        void fade(int index) noexcept;

        int size;
        float kept, added;
        Buffer state;
    };

    void apply_alone(int channel, const Spectrum& noisy, Spectrum& target) noexcept;
    void apply_to_pair(const std::vector<Spectrum>& noisy, std::vector<Spectrum>& target) noexcept;
    void follow(int row, const float* products, float* noise) noexcept;
    void set_squared(const Spectrum& mask) noexcept;
    void set_gains(float* noise, const float* power, float* gains) noexcept;

    int num_channels_, num_bins_, num_bands_, num_rows_;
    std::vector<int> starts_;  // of the bands, and the end of the last
    Buffer neighbours_;        // (bands, bands): shares of each band in the mean of its neighbours
    double noise_step_;
    long long num_frames_ = 0;
    float start_factor_ = 1.0f;
    RecursiveMean noise_, power_;
    Buffer squared_, products_, removed_, smoothed_;
    Buffer band_noise_;                           // three rows of bands
    Buffer of_left_, of_right_, mixed_;           // direction of each band
    Buffer along_, across_, along_power_, across_power_;
};

}  // namespace hushgate
