#include "steady_noise.h"

#include <algorithm>
#include <cmath>

namespace hushgate {

namespace {

constexpr double kMemoryS = 2.3, kBandsPerOctave = 4.0, kSpreadBands = 4.0, kSmoothingS = 0.09;
constexpr float kMeanOfLogs = 1.2f, kLeastPassed = 0.15f, kDeep = 0.02f;
constexpr float kAcrossExcess = 1.3f, kAlongShare = 2.0f;
constexpr float kTiny = 1e-20f;

std::vector<int> band_starts(int num_bins) {
    std::vector<int> starts{0};
    const double octaves = std::log2(double(std::max(num_bins, 2)));
    const int count = int(std::ceil(octaves * kBandsPerOctave));
    for (int step = 0; step < count; ++step) {
        const int start = int(std::nearbyint(std::exp2(step / kBandsPerOctave)));
        if (start > 1 && start < num_bins && start != starts.back()) starts.push_back(start);
    }
    starts.push_back(num_bins);
    return starts;
}

}  // namespace

SteadyNoise::RecursiveMean::RecursiveMean(int rows, int size_, double step)
    : size(size_),
      kept(float(std::exp(-step))),
      added(float(-std::expm1(-step))),
      state(std::size_t(rows) * size_) {}

void SteadyNoise::RecursiveMean::follow(int index, const float* values) noexcept {
    float* mean = row(index);
    for (int at = 0; at < size; ++at) {
        const float value = added * values[at] + kept * mean[at];
        mean[at] = std::fabs(value) < kTiny ? 0.0f : value;
    }
}

void SteadyNoise::RecursiveMean::fade(int index) noexcept {
    float* mean = row(index);
    for (int at = 0; at < size; ++at) mean[at] = std::fabs(kept * mean[at]) < kTiny ? 0.0f : kept * mean[at];
}

SteadyNoise::SteadyNoise(int num_channels, int num_bins, double hop_s)
    : num_channels_(num_channels),
      num_bins_(num_bins),
      num_rows_(num_channels == 2 ? 3 : num_channels),
      starts_(band_starts(num_bins)),
      noise_step_(hop_s / kMemoryS),
      noise_(num_rows_, int(starts_.size()) - 1, noise_step_),
      power_(num_rows_, num_bins, hop_s / kSmoothingS) {
    num_bands_ = int(starts_.size()) - 1;
    neighbours_ = Buffer(std::size_t(num_bands_) * num_bands_);
    for (int to = 0; to < num_bands_; ++to) {
        double sum = 0.0;
        for (int from = 0; from < num_bands_; ++from) {
            const double distance = (from - to) / kSpreadBands;
            sum += std::exp(-0.5 * distance * distance);
        }
        for (int from = 0; from < num_bands_; ++from) {
            const double distance = (from - to) / kSpreadBands;
            neighbours_[std::size_t(from) * num_bands_ + to] = float(std::exp(-0.5 * distance * distance) / sum);
        }
    }
    for (Buffer* bins : {&squared_, &products_, &along_, &across_, &along_power_, &across_power_})
        *bins = Buffer(num_bins);
    for (Buffer* bands : {&removed_, &smoothed_, &of_left_, &of_right_, &mixed_}) *bands = Buffer(num_bands_);
    band_noise_ = Buffer(3 * std::size_t(num_bands_));
}

void SteadyNoise::reset() noexcept {
    noise_.state.clear();
    power_.state.clear();
    num_frames_ = 0;
}

void SteadyNoise::apply(const std::vector<Spectrum>& noisy, const std::vector<const Spectrum*>& masks,
                        std::vector<Spectrum>& target, bool is_paired) noexcept {
    ++num_frames_;
    // The weights of the noise's mean add up to 1 from the first frame on.
    start_factor_ = 1.0f / float(-std::expm1(-noise_step_ * double(num_frames_)));
    for (int channel = 0; channel < num_channels_; ++channel) {
        const Spectrum& mask = *masks[std::min<std::size_t>(channel, masks.size() - 1)];
        const float *re = noisy[channel].re.data(), *im = noisy[channel].im.data();
        const float *mask_re = mask.re.data(), *mask_im = mask.im.data();
        float *to_re = target[channel].re.data(), *to_im = target[channel].im.data();
        for (int bin = 0; bin < num_bins_; ++bin) {
            to_re[bin] = re[bin] * mask_re[bin] - im[bin] * mask_im[bin];
            to_im[bin] = re[bin] * mask_im[bin] + im[bin] * mask_re[bin];
        }
    }
    if (is_paired) {
        set_squared(*masks[0]);
        apply_to_pair(noisy, target);
        return;
    }
    for (int channel = 0; channel < num_channels_; ++channel) {
        if (channel == 0 || masks.size() > 1) set_squared(*masks[channel]);
        apply_alone(channel, noisy[channel], target[channel]);
    }
    for (int row = num_channels_; row < num_rows_; ++row) {
        noise_.fade(row);
        power_.fade(row);
    }
}

// The mask's power gain, at most 1.
void SteadyNoise::set_squared(const Spectrum& mask) noexcept {
    for (int bin = 0; bin < num_bins_; ++bin)
        squared_[bin] = std::min(mask.re[bin] * mask.re[bin] + mask.im[bin] * mask.im[bin], 1.0f) + kTiny;
}

void SteadyNoise::apply_alone(int channel, const Spectrum& noisy, Spectrum& target) noexcept {
    for (int bin = 0; bin < num_bins_; ++bin)
        products_[bin] = noisy.re[bin] * noisy.re[bin] + noisy.im[bin] * noisy.im[bin];
    follow(channel, products_.data(), band_noise_.data());
    set_gains(band_noise_.data(), power_.row(channel), along_.data());
    for (int bin = 0; bin < num_bins_; ++bin) {
        target.re[bin] *= along_[bin];
        target.im[bin] *= along_[bin];
    }
}

// Follows the power of the sound, and of what the mask removed of it: `noise` receives its mean per bin of
// each band.
void SteadyNoise::follow(int row, const float* products, float* noise) noexcept {
    for (int band = 0; band < num_bands_; ++band) {
        float sum = 0.0f;
        for (int bin = starts_[band]; bin < starts_[band + 1]; ++bin) sum += (1.0f - squared_[bin]) * products[bin];
        removed_[band] = sum;
    }
    noise_.follow(row, removed_.data());
    power_.follow(row, products);
    const float* mean = noise_.row(row);
    for (int band = 0; band < num_bands_; ++band)
        noise[band] = mean[band] * start_factor_ * (kMeanOfLogs / float(starts_[band + 1] - starts_[band]));
}

void SteadyNoise::apply_to_pair(const std::vector<Spectrum>& noisy, std::vector<Spectrum>& target) noexcept {
    const Spectrum &left = noisy[0], &right = noisy[1];
    float *left_noise = band_noise_.data(), *right_noise = left_noise + num_bands_;
    float* common_noise = right_noise + num_bands_;
    for (int row = 0; row < 3; ++row) {
        const Spectrum &one = row == 1 ? right : left, &other = row == 0 ? left : right;
        for (int bin = 0; bin < num_bins_; ++bin)
            products_[bin] = one.re[bin] * other.re[bin] + one.im[bin] * other.im[bin];
        follow(row, products_.data(), band_noise_.data() + row * num_bands_);
    }
    const float *left_power = power_.row(0), *right_power = power_.row(1), *common_power = power_.row(2);
    for (int band = 0; band < num_bands_; ++band) {
        // The main direction of the band: the principal axis of its covariance.
        float sum_left = 0.0f, sum_right = 0.0f, sum_common = 0.0f;
        for (int bin = starts_[band]; bin < starts_[band + 1]; ++bin) {
            sum_left += left_power[bin];
            sum_right += right_power[bin];
            sum_common += common_power[bin];
        }
        const float difference = sum_left - sum_right, common = 2.0f * sum_common;
        const float length = std::hypot(difference, common) + kTiny;
        const float cosine = difference / length, sine = common / length;
        const float of_left = 0.5f + 0.5f * cosine, of_right = 0.5f - 0.5f * cosine, mixed = 0.5f * sine;
        of_left_[band] = of_left;
        of_right_[band] = of_right;
        mixed_[band] = mixed;

        float along = 2.0f * mixed * common_noise[band] + of_left * left_noise[band] + of_right * right_noise[band];
        float across = left_noise[band] + right_noise[band] - along;
        along = std::max(along, kTiny);
        across = std::max(across, kTiny);
        const float mean = 0.5f * (along + across);
        const float shared = std::max(1.0f - kAlongShare * across / mean, 0.0f);
        along = mean + shared * (along - mean);
        left_noise[band] = along;
        right_noise[band] = std::min(along, kAcrossExcess * across);
        for (int bin = starts_[band]; bin < starts_[band + 1]; ++bin) {
            const float turned =
                2.0f * mixed * common_power[bin] + of_left * left_power[bin] + of_right * right_power[bin];
            along_power_[bin] = turned;
            across_power_[bin] = left_power[bin] + right_power[bin] - turned;
        }
    }
    set_gains(left_noise, along_power_.data(), along_.data());
    set_gains(right_noise, across_power_.data(), across_.data());
    // Back again: each channel keeps a share of its own sound and gets a share of the other's.
    float *left_re = target[0].re.data(), *left_im = target[0].im.data();
    float *right_re = target[1].re.data(), *right_im = target[1].im.data();
    for (int band = 0; band < num_bands_; ++band) {
        const float of_left = of_left_[band], of_right = of_right_[band], mixed = mixed_[band];
        for (int bin = starts_[band]; bin < starts_[band + 1]; ++bin) {
            const float same_left = of_left * along_[bin] + of_right * across_[bin];
            const float same_right = of_right * along_[bin] + of_left * across_[bin];
            const float other = mixed * (along_[bin] - across_[bin]);
            const float lre = left_re[bin], lim = left_im[bin], rre = right_re[bin], rim = right_im[bin];
            left_re[bin] = lre * same_left + rre * other;
            left_im[bin] = lim * same_left + rim * other;
            right_re[bin] = rre * same_right + lre * other;
            right_im[bin] = rim * same_right + lim * other;
        }
    }
}

// Factors to multiply with the masked sound. Changes `noise`.
void SteadyNoise::set_gains(float* noise, const float* power, float* gains) noexcept {
    std::fill_n(smoothed_.data(), num_bands_, 0.0f);
    for (int from = 0; from < num_bands_; ++from) {
        const float level = std::log(std::max(noise[from], kTiny));
        const float* shares = neighbours_.data() + std::size_t(from) * num_bands_;
        for (int to = 0; to < num_bands_; ++to) smoothed_[to] += level * shares[to];
    }
    for (int band = 0; band < num_bands_; ++band) {
        const float level = std::exp(smoothed_[band]);
        for (int bin = starts_[band]; bin < starts_[band + 1]; ++bin) {
            const float squared = squared_[bin], root = std::sqrt(squared);
            // The Wiener filter, and then the geometric mean of it and the mask, relative to the mask.
            const float wiener = std::max(1.0f - level / std::max(power[bin], kTiny), std::min(root, kLeastPassed));
            const float inverse = 1.0f / root;
            const float passed = std::sqrt(wiener * inverse);
            // Where the mask attenuates strongly the bound of the factor tends to 1.
            const float bound = (std::sqrt(inverse) - 1.0f) * squared / (squared + kDeep) + 1.0f;
            gains[bin] = std::min(passed, bound);
        }
    }
}

}  // namespace hushgate
