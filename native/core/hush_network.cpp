#include "hush_network.h"

#include <algorithm>
#include <cmath>

namespace hushgate {

namespace {

constexpr float kFloor = 1e-12f, kUpperExponent = 0.15f;
// Bound of either part of the mask.
constexpr float kMaskBound = 2.0f;
// A mask beyond 80 dB of gain, or NaN, is a fault of the model.
constexpr float kLargestMask = 1e4f;
// Passed share of a frame's power at which relief begins, and at which it is complete.
constexpr double kLeastPassed = 0.4, kMostlyPassed = 0.8;
// Passed share below which squaring of the mask begins, and below which it is complete.
constexpr double kHardlyPassed = 0.06, kPausePassed = 0.03;
// Power gain at which half of the relief remains: in bins, and for the gain above them.
constexpr float kDeep = 0.01f, kUpperDeep = 0.001f;
// Mean mask of the lower bins under which the gain above the bins falls with it.
constexpr float kUpperPause = 0.25f;
// Logit above which sound passes unchanged, and below which it gets the full reduction.
constexpr float kSurelyThere = 0.5f, kSurelyGone = -0.5f;
constexpr float kPauseDb = 40.0f;
// Frames of the moving average of logits, and the excess of a single frame that overrides it.
constexpr int kSteadyFrames = 5;
constexpr float kAtOnce = 2.0f;

// Power factor (r + p) / (1 + r p) of power gains p up to 1, r = `most`, fading out below `deep`.
inline float relief(float passed, float most, float deep) {
    return 1.0f + (most - 1.0f) * (passed - passed * passed) / ((1.0f + most * passed) * (passed + deep));
}

inline double fraction(double value) { return std::min(std::max(value, 0.0), 1.0); }

// False for NaN.
bool all_within(const Buffer& values, float bound) {
    bool is_within = true;
    for (std::size_t at = 0; at < values.size(); ++at) is_within &= std::fabs(values[at]) <= bound;
    return is_within;
}

}  // namespace

NetworkState::NetworkState(const NetworkConfig& config)
    : num_blocks_(config.num_blocks),
      block_size_(std::size_t(config.bands) * padded(config.band_channels)) {
    values = Buffer(num_blocks_ * block_size_ + padded(kPresenceWidth) + kPadding + padded(kUpperWidth));
}

bool NetworkState::is_finite() const { return all_within(values, 3.4028235e38f); }

Mask::Mask(const NetworkConfig& config)
    : bins(config.num_bins), upper_gain(std::max(1, config.num_upper())) {}

bool Mask::is_mask() const {
    return all_within(bins.re, kLargestMask) && all_within(bins.im, kLargestMask) &&
           all_within(upper_gain, kLargestMask);
}

void Mask::clear() {
    bins.re.clear();
    bins.im.clear();
    upper_gain.clear();
}

HushNetwork::HushNetwork(std::shared_ptr<const NetworkWeights> weights, const Kernels& kernels)
    : weights_(std::move(weights)),
      kernels_(kernels),
      config_(weights_->config),
      channels_(padded(config_.channels)),
      width_(padded(config_.band_channels)),
      head_size_(padded(config_.band_channels / config_.num_heads)) {
    const std::size_t patches = config_.num_patches(), bands = config_.bands, bins = config_.num_bins;
    const std::size_t heads = config_.num_heads * std::size_t(head_size_);
    for (Buffer* buffer : {&power_, &scaled_re_, &scaled_im_, &magnitude_, &passed_}) *buffer = Buffer(bins);
    features_ = Buffer((patches + 2) * 3 * config_.stride);
    patches_ = Buffer((patches + 2) * channels_);
    layer_ = Buffer(patches * channels_);
    joined_ = Buffer(patches * 2 * channels_);
    squeezed_ = Buffer(bands * channels_);
    bands_ = Buffer(bands * width_);
    const std::size_t gates = std::max<std::size_t>(bands * width_, padded(std::max(kPresenceWidth, kUpperWidth)));
    given_ = Buffer(3 * gates);
    own_ = Buffer(3 * gates);
    heads_ = Buffer(bands * 3 * heads);
    keys_ = Buffer(std::size_t(head_size_) * padded(config_.bands));
    scores_ = Buffer(bands * padded(config_.bands));
    mixed_ = Buffer(bands * heads);
    below_ = Buffer(bands * padded(std::max(kPresenceChannels, kUpperChannels)) + 2 * config_.num_upper());
    gathered_ = Buffer(padded(std::max(kPresenceWidth, kUpperWidth)));
    answer_ = Buffer(padded(std::max(1, config_.num_upper())));
    decoded_ = Buffer(patches * padded(2 * config_.stride));
}

void HushNetwork::multiply(const Product& product, const float* a, int rows, float* c, bool is_added) noexcept {
    kernels_.product(a, product.depth, rows, product.depth, product.weight.data(), product.columns,
                     product.columns, product.bias.data(), c, product.columns, is_added);
}

// Rows of three neighbouring patches overlap in memory, so nothing is gathered.
void HushNetwork::over_three_patches(const Product& product, const Buffer& patches, float* c) noexcept {
    kernels_.product(patches.data(), product.depth / 3, config_.num_patches(), product.depth,
                     product.weight.data(), product.columns, product.columns, product.bias.data(), c,
                     product.columns, false);
}

void HushNetwork::residual_layer(const Product& product) noexcept {
    over_three_patches(product, patches_, layer_.data());
    kernels_.add_silu(rows(patches_), layer_.data(), config_.num_patches() * channels_);
}

void HushNetwork::run(const Spectrum& spectrum, const float* levels, NetworkState& state, Mask& mask) noexcept {
    const NetworkWeights& weights = *weights_;
    const int patches = config_.num_patches(), bands = config_.bands;
    encode(spectrum);
    for (const Product& layer : weights.down) residual_layer(layer);
    for (int patch = 0; patch < patches; ++patch)
        std::copy_n(rows(patches_) + patch * channels_, channels_,
                    joined_.data() + (2 * patch + 1) * channels_);

    kernels_.product(weights.squeeze.data(), patches, bands, patches, rows(patches_), channels_, channels_,
                     nullptr, squeezed_.data(), channels_, false);
    std::copy_n(weights.band_position.data(), bands * width_, bands_.data());
    multiply(weights.widen, squeezed_.data(), bands, bands_.data(), true);
    for (int index = 0; index < config_.num_blocks; ++index) run_block(weights.blocks[index], state.block(index));
    const float logit = config_.presence ? presence_logit(state) : 0.0f;
    if (config_.num_upper() > 0) upper_gains(levels, state, mask);

    multiply(weights.narrow, bands_.data(), bands, squeezed_.data());
    kernels_.product(weights.expand.data(), bands, patches, bands, squeezed_.data(), channels_, channels_,
                     nullptr, joined_.data(), 2 * channels_, false);
    multiply(weights.join, joined_.data(), patches, rows(patches_));
    kernels_.silu(rows(patches_), patches * channels_);
    for (const Product& layer : weights.up) residual_layer(layer);

    decode(mask);
    if (config_.relief_db > 0.0 || config_.silent_pauses) settle(mask);
    const float above = continue_above(mask);
    if (config_.num_upper() == 0) mask.upper_gain[0] = above;
    if (config_.presence) {
        const float there =
            float(fraction((logit - kSurelyGone) / double(kSurelyThere - kSurelyGone)));
        const float gain = std::pow(10.0f, (there - 1.0f) * kPauseDb / 20.0f);
        for (int bin = 0; bin < config_.num_bins; ++bin) {
            mask.bins.re[bin] *= gain;
            mask.bins.im[bin] *= gain;
        }
        for (std::size_t band = 0; band < mask.upper_gain.size(); ++band) mask.upper_gain[band] *= gain;
        mask.presence = 1.0f / (1.0f + std::exp(-logit));
    }
}

void HushNetwork::encode(const Spectrum& spectrum) noexcept {
    kernels_.features(spectrum.re.data(), spectrum.im.data(), padded(config_.num_bins), power_.data(),
                      scaled_re_.data(), scaled_im_.data(), magnitude_.data());
    float* feature = features_.data() + 3 * config_.stride;
    for (int bin = 0; bin < config_.num_bins; ++bin, feature += 3) {
        feature[0] = scaled_re_[bin];
        feature[1] = scaled_im_[bin];
        feature[2] = magnitude_[bin];
    }
    over_three_patches(weights_->encode, features_, rows(patches_));
    kernels_.silu(rows(patches_), config_.num_patches() * channels_);
}

void HushNetwork::run_block(const Block& block, float* hidden) noexcept {
    const int bands = config_.bands;
    multiply(block.gru.input, bands_.data(), bands, given_.data());
    multiply(block.gru.hidden, hidden, bands, own_.data());
    kernels_.gru(given_.data(), own_.data(), hidden, bands, width_);
    multiply(block.time_out, hidden, bands, bands_.data(), true);
    multiply(block.query_key_value, bands_.data(), bands, heads_.data());
    attend(block);
    multiply(block.band_out, mixed_.data(), bands, bands_.data(), true);
}

void HushNetwork::attend(const Block& block) noexcept {
    const int bands = config_.bands, row = block.query_key_value.columns, all_heads = block.band_out.depth;
    const int padded_bands = padded(bands);
    for (int head = 0; head < config_.num_heads; ++head) {
        const float* queries = heads_.data() + head * head_size_;
        const float* keys = queries + all_heads;
        const float* values = keys + all_heads;
        for (int band = 0; band < bands; ++band)
            for (int at = 0; at < head_size_; ++at) keys_[at * padded_bands + band] = keys[band * row + at];
        kernels_.product(queries, row, bands, head_size_, keys_.data(), padded_bands, padded_bands, nullptr,
                         scores_.data(), padded_bands, false);
        kernels_.softmax(scores_.data(), bands, bands, padded_bands);
        kernels_.product(scores_.data(), padded_bands, bands, bands, values, row, head_size_, nullptr,
                         mixed_.data() + head * head_size_, all_heads, false);
    }
}

// What a head's answer is made of, `width` values. The first values of `below_` are set here, the last
// `extra` ones before.
const float* HushNetwork::run_head(const Head& head, int narrow, int width, int extra, float* hidden) noexcept {
    const int below = config_.bands * padded(narrow);
    multiply(head.narrow, bands_.data(), config_.bands, below_.data());
    kernels_.silu(below_.data(), below);
    kernels_.product(below_.data(), below + extra, 1, below + extra, head.gather.weight.data(),
                     head.gather.columns, head.gather.columns, head.gather.bias.data(), gathered_.data(),
                     head.gather.columns, false);
    kernels_.silu(gathered_.data(), padded(width));
    multiply(head.gru.input, gathered_.data(), 1, given_.data());
    multiply(head.gru.hidden, hidden, 1, own_.data());
    kernels_.gru(given_.data(), own_.data(), hidden, 1, padded(width));
    for (int at = 0; at < width; ++at) gathered_[at] += hidden[at];
    multiply(head.answer, gathered_.data(), 1, answer_.data());
    return answer_.data();
}

// The mean logit of five frames, or the last less 2 where that is more: an onset counts at once.
float HushNetwork::presence_logit(NetworkState& state) noexcept {
    const float logit =
        run_head(weights_->presence, kPresenceChannels, kPresenceWidth, 0, state.presence_hidden())[0];
    float* recent = state.recent_logits();
    float sum = 0.0f;
    for (int frame = 0; frame < kSteadyFrames - 1; ++frame) sum += recent[frame];
    for (int frame = 0; frame < kSteadyFrames - 2; ++frame) recent[frame] = recent[frame + 1];
    recent[kSteadyFrames - 2] = logit;
    return std::max((sum + logit) / kSteadyFrames, logit - kAtOnce);
}

void HushNetwork::upper_gains(const float* levels, NetworkState& state, Mask& mask) noexcept {
    const int num_upper = config_.num_upper();
    float* heard = below_.data() + config_.bands * padded(kUpperChannels);
    for (int at = 0; at < 2 * num_upper; ++at) heard[at] = std::pow(levels[at] + kFloor, kUpperExponent);
    const float* logits =
        run_head(weights_->upper, kUpperChannels, kUpperWidth, 2 * num_upper, state.upper_hidden());
    for (int band = 0; band < num_upper; ++band) mask.upper_gain[band] = 1.0f / (1.0f + std::exp(-logits[band]));
}

void HushNetwork::decode(Mask& mask) noexcept {
    over_three_patches(weights_->decode, patches_, decoded_.data());
    const int row = weights_->decode.columns;
    for (int bin = 0; bin < config_.num_bins; ++bin) {
        const float* values = decoded_.data() + bin / config_.stride * row + 2 * (bin % config_.stride);
        // NaN fails both comparisons and stays.
        for (int part = 0; part < 2; ++part) {
            float value = values[part];
            value = value < -kMaskBound ? -kMaskBound : value;
            value = value > kMaskBound ? kMaskBound : value;
            (part == 0 ? mask.bins.re : mask.bins.im)[bin] = value;
        }
    }
}

// `settle` of training/models/hush.py: relief where most of the frame's power passes, silence where hardly any.
void HushNetwork::settle(Mask& mask) noexcept {
    const int inside = config_.num_bins - config_.stride;
    float *re = mask.bins.re.data(), *im = mask.bins.im.data();
    double passed_power = 0.0, whole_power = 0.0;
    for (int bin = 0; bin < inside; ++bin) passed_[bin] = std::min(re[bin] * re[bin] + im[bin] * im[bin], 1.0f);
    for (int bin = 0; bin < inside; ++bin) {
        passed_power += double(power_[bin]) * passed_[bin];
        whole_power += power_[bin];
    }
    const double share = passed_power / whole_power;
    const double relieved = fraction((share - kLeastPassed) / (kMostlyPassed - kLeastPassed));
    const float most = float(1.0 + relieved * (std::pow(10.0, config_.relief_db / 10.0) - 1.0));
    const float squared =
        config_.silent_pauses ? float(fraction((kHardlyPassed - share) / (kHardlyPassed - kPausePassed))) : 0.0f;
    for (int bin = 0; bin < inside; ++bin) {
        const float factor = relief(passed_[bin], most, kDeep) * (1.0f - squared + squared * passed_[bin]);
        const float gain = std::sqrt(factor);
        re[bin] *= gain;
        im[bin] *= gain;
    }
}

// The mean mask of the upper bins continues over the top patch, whose mask is untrained, and above the bins.
float HushNetwork::continue_above(Mask& mask) noexcept {
    const int inside = config_.num_bins - config_.stride;
    float *re = mask.bins.re.data(), *im = mask.bins.im.data();
    const auto mean_gain = [re, im](int from, int to) {
        double sum = 0.0;
        for (int bin = from; bin < to; ++bin) sum += std::sqrt(re[bin] * re[bin] + im[bin] * im[bin]);
        return float(sum / (to - from));
    };
    float gain = std::min(mean_gain(config_.upper_from_bin, inside), 1.0f);
    if (config_.upper_relief_db > 0.0) {
        const float most = float(std::pow(10.0, config_.upper_relief_db / 10.0));
        gain *= std::sqrt(relief(gain * gain, most, kUpperDeep));
    }
    if (config_.silent_upper_pauses) gain *= std::min(mean_gain(0, config_.upper_from_bin) / kUpperPause, 1.0f);
    for (int bin = inside; bin < config_.num_bins; ++bin) {
        re[bin] = gain;
        im[bin] = 0.0f;
    }
    return gain;
}

}  // namespace hushgate
