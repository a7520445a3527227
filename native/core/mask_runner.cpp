#include "mask_runner.h"

#include <algorithm>
#include <cmath>

namespace hushgate {

namespace {

// Power of the sum of the channels, relative to channels in phase, up to which the sum counts as cancelled, and
// from which it does not. Between the two its phase fades in.
constexpr float kCancelled = 0.04f, kAudible = 0.06f;
// The first channel is taken where channels cancel, unless another is this much louder.
constexpr float kFirstPreference = 4.0f;

}  // namespace

MaskRunner::MaskRunner(std::shared_ptr<const NetworkWeights> weights, const Kernels& kernels, int num_channels,
                       int num_bins)
    : config_(weights->config),
      num_channels_(num_channels),
      shared_bins_(std::min(num_bins, config_.num_bins)),
      network_(weights, kernels),
      bands_above_(upper_band_bins(config_, num_bins)),
      upper_levels_(config_, num_bins),
      level_(num_channels, config_.frame_ms / config_.overlap / 1000.0),
      input_(config_.num_bins),
      power_(shared_bins_),
      levels_(upper_levels_.size()) {
    for (int channel = 0; channel < num_channels; ++channel) {
        states_.emplace_back(config_);
        masks_.emplace_back(config_);
    }
    used_masks_.reserve(num_channels);
    if (config_.steady_noise)
        steady_ = std::make_unique<SteadyNoise>(num_channels, shared_bins_,
                                                config_.frame_ms / config_.overlap / 1000.0);
}

void MaskRunner::reset() noexcept {
    for (NetworkState& state : states_) state.clear();
    num_faulty_frames_ = 0;
    presence_ = -1.0f;
    level_.reset();
    if (steady_) steady_->reset();
}

void MaskRunner::apply(const std::vector<Spectrum>& noisy, std::vector<Spectrum>& target,
                       bool is_linked) noexcept {
    is_linked = is_linked || num_channels_ == 1;
    if (is_linked != is_linked_) relink(is_linked);
    const int num_masks = is_linked ? 1 : num_channels_;
    used_masks_.clear();
    for (int index = 0; index < num_masks; ++index) {
        run(index, noisy);
        used_masks_.push_back(&masks_[index].bins);
    }
    check_masks(num_masks);

    if (steady_) {
        steady_->apply(noisy, used_masks_, target, is_linked && num_channels_ == 2);
    } else {
        for (int channel = 0; channel < num_channels_; ++channel) {
            const Spectrum& mask = *used_masks_[is_linked ? 0 : channel];
            const float *re = noisy[channel].re.data(), *im = noisy[channel].im.data();
            const float *mask_re = mask.re.data(), *mask_im = mask.im.data();
            float *to_re = target[channel].re.data(), *to_im = target[channel].im.data();
            for (int bin = 0; bin < shared_bins_; ++bin) {
                to_re[bin] = re[bin] * mask_re[bin] - im[bin] * mask_im[bin];
                to_im[bin] = re[bin] * mask_im[bin] + im[bin] * mask_re[bin];
            }
        }
    }
    for (int channel = 0; channel < num_channels_; ++channel) {
        const Buffer& gains = masks_[is_linked ? 0 : channel].upper_gain;
        for (const BandBins& band : bands_above_) {
            const float gain = gains[band.band];
            for (int bin = band.begin; bin < band.end; ++bin) {
                target[channel].re[bin] = noisy[channel].re[bin] * gain;
                target[channel].im[bin] = noisy[channel].im[bin] * gain;
            }
        }
    }
}

// Computes the mask of one channel, or of all channels together.
void MaskRunner::run(int channel, const std::vector<Spectrum>& noisy) noexcept {
    levels_.clear();
    if (is_linked_) {
        combine_channels(noisy);
        for (const Spectrum& one : noisy) upper_levels_.add(one, 1.0f / float(num_channels_), levels_.data());
    } else {
        std::copy_n(noisy[channel].re.data(), shared_bins_, input_.re.data());
        std::copy_n(noisy[channel].im.data(), shared_bins_, input_.im.data());
        upper_levels_.add(noisy[channel], 1.0f, levels_.data());
    }
    double power = 0.0;
    for (int bin = 0; bin < shared_bins_; ++bin)
        power += input_.re[bin] * input_.re[bin] + input_.im[bin] * input_.im[bin];
    const float gain = level_.gain(channel, power);
    if (gain != 1.0f) {
        for (int bin = 0; bin < shared_bins_; ++bin) {
            input_.re[bin] *= gain;
            input_.im[bin] *= gain;
        }
        for (int at = 0; at < upper_levels_.size(); at += 2) levels_[at] *= gain * gain;
    }
    network_.run(input_, levels_.data(), states_[channel], masks_[channel]);
}

// Mutes the frame where a mask is not finite or beyond +80 dB. The network then starts again.
void MaskRunner::check_masks(int num_masks) noexcept {
    bool are_masks = true, are_states = true;
    float presence = 0.0f;
    for (int index = 0; index < num_masks; ++index) {
        are_masks = are_masks && masks_[index].is_mask();
        are_states = are_states && states_[index].is_finite();
        presence = std::max(presence, masks_[index].presence);
    }
    if (!are_masks || !are_states)
        for (int index = 0; index < num_masks; ++index) states_[index].clear();
    if (are_masks) {
        if (config_.presence) presence_ = presence;
        return;
    }
    ++num_faulty_frames_;
    for (int index = 0; index < num_masks; ++index) masks_[index].clear();
}

// Converts the states when linking changes: the common one for each channel, or the mean of all.
void MaskRunner::relink(bool is_linked) noexcept {
    is_linked_ = is_linked;
    level_.relink(is_linked);
    Buffer& first = states_[0].values;
    for (int channel = 1; channel < num_channels_; ++channel) {
        Buffer& other = states_[channel].values;
        for (std::size_t at = 0; at < first.size(); ++at) {
            if (is_linked)
                first[at] += other[at];
            else
                other[at] = first[at];
        }
    }
    if (is_linked)
        for (std::size_t at = 0; at < first.size(); ++at) first[at] /= float(num_channels_);
}

// One spectrum for all channels: their RMS magnitude with the phase of their sum, or, where the sum cancels, of
// the loudest channel. engine/mask_runner.py has the reasons.
void MaskRunner::combine_channels(const std::vector<Spectrum>& noisy) noexcept {
    float *re = input_.re.data(), *im = input_.im.data(), *power = power_.data();
    std::copy_n(noisy[0].re.data(), shared_bins_, re);
    std::copy_n(noisy[0].im.data(), shared_bins_, im);
    if (num_channels_ == 1) return;
    for (int bin = 0; bin < shared_bins_; ++bin) power[bin] = re[bin] * re[bin] + im[bin] * im[bin];
    for (int channel = 1; channel < num_channels_; ++channel) {
        const float *other_re = noisy[channel].re.data(), *other_im = noisy[channel].im.data();
        for (int bin = 0; bin < shared_bins_; ++bin) {
            re[bin] += other_re[bin];
            im[bin] += other_im[bin];
            power[bin] += other_re[bin] * other_re[bin] + other_im[bin] * other_im[bin];
        }
    }
    const float audible = kAudible * float(num_channels_);
    for (int bin = 0; bin < shared_bins_; ++bin) {
        float total = re[bin] * re[bin] + im[bin] * im[bin];
        if (total < audible * power[bin]) {
            int best = 0;
            float highest = -1.0f, best_power = 0.0f;
            for (int channel = 0; channel < num_channels_; ++channel) {
                const float one = noisy[channel].re[bin] * noisy[channel].re[bin] +
                                  noisy[channel].im[bin] * noisy[channel].im[bin];
                const float rated = channel == 0 ? kFirstPreference * one : one;
                if (rated > highest) {
                    highest = rated;
                    best = channel;
                    best_power = one;
                }
            }
            const float in_phase = total / (float(num_channels_) * power[bin]);
            const float share = std::clamp((in_phase - kCancelled) / (kAudible - kCancelled), 0.0f, 1.0f);
            // The sum counts with the magnitude of the chosen channel.
            const float scale = share > 0.0f ? share * std::sqrt(best_power / total) : 0.0f;
            re[bin] = (1.0f - share) * noisy[best].re[bin] + scale * re[bin];
            im[bin] = (1.0f - share) * noisy[best].im[bin] + scale * im[bin];
            total = re[bin] * re[bin] + im[bin] * im[bin];
        }
        const float gain = total > 0.0f ? std::sqrt(power[bin] / float(num_channels_) / total) : 0.0f;
        re[bin] *= gain;
        im[bin] *= gain;
    }
}

}  // namespace hushgate
