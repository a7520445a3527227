#include "block_denoiser.h"

#include <algorithm>
#include <cmath>

#include "denormals.h"
#include "input_checks.h"

namespace hushgate {

namespace {

constexpr double kRampMs = 20.0;
// Below -300 dBFS the wet path gets silence.
constexpr float kSmallestPeak = 1e-15f;
// Part of a recording's beginning that the network hears beforehand, and what counts as the beginning.
constexpr double kHeardShare = 0.5, kLearntS = 8.0;

}  // namespace

BlockDenoiser::BlockDenoiser(std::shared_ptr<const NetworkWeights> weights, const Kernels& kernels)
    : weights_(std::move(weights)), kernels_(kernels) {
    for (int parameter = 0; parameter < kNumParameters; ++parameter) {
        wanted_[parameter] = kDefaults[parameter];
        settings_.values[parameter] = kDefaults[parameter];
    }
}

// Everything is made before the first member changes, so that want of memory leaves the denoiser as it was.
void BlockDenoiser::prepare(double sample_rate, int num_channels) {
    ParameterValues settings;
    for (int parameter = 0; parameter < kNumParameters; ++parameter)
        settings.values[parameter] = wanted_[parameter].load(std::memory_order_relaxed);
    auto stream = std::make_unique<SpectralStream>(weights_, kernels_, sample_rate, num_channels);
    const int frame_size = stream->frame_size(), hop_size = stream->hop_size();
    auto gate = std::make_unique<SpectralGate>(settings, num_channels, frame_size, hop_size, sample_rate);
    auto hum = std::make_unique<HumReducer>(sample_rate, num_channels, kernels_);
    std::vector<DelayLine> delays;
    std::vector<Buffer> dry, wet;
    for (int channel = 0; channel < num_channels; ++channel) {
        delays.emplace_back(frame_size);
        dry.emplace_back(hop_size);
        wet.emplace_back(hop_size);
    }
    std::vector<FrameEnergy> energies(num_channels);
    std::vector<double> gate_gains(num_channels, 1.0);
    Buffer clean(hop_size);

    settings_ = settings;
    stream_ = std::move(stream);
    gate_ = std::move(gate);
    hum_ = std::move(hum);
    delays_ = std::move(delays);
    dry_ = std::move(dry);
    wet_ = std::move(wet);
    energies_ = std::move(energies);
    gate_gains_ = std::move(gate_gains);
    clean_ = std::move(clean);
    ramp_ = GainRamp(int(std::nearbyint(sample_rate * kRampMs / 1000.0)));
    sample_rate_ = sample_rate;
    num_channels_ = num_channels;
    reset();
}

void BlockDenoiser::reset() noexcept {
    energy_before_ = energy_target_ = energy_after_ = 0.0;
    presence_ = -1.0;
    gate_level_ = gate_noise_ = 0.0;
    gate_gain_ = 1.0;
    input_peak_ = output_peak_ = 0.0;
    num_nonfinite_ = 0;
    num_faulty_frames_ = 0;
    hum_frequency_hz_ = 0.0;
    if (!stream_) return;
    stream_->reset();
    hum_->reset();
    for (DelayLine& delay : delays_) delay.reset();
    is_started_ = false;
    is_changed_ = true;
}

void BlockDenoiser::set(Parameter parameter, double value) noexcept {
    wanted_[parameter].store(value, std::memory_order_relaxed);
    is_changed_.store(true, std::memory_order_release);  // after the value: `process` clears the mark first
}

void BlockDenoiser::set_bypass(bool is_bypassed) noexcept {
    is_bypassed_.store(is_bypassed, std::memory_order_relaxed);
    is_changed_.store(true, std::memory_order_release);
}

// Applies the settings made since the last block. A stream that has not begun needs no ramps.
void BlockDenoiser::apply_settings() noexcept {
    for (int parameter = 0; parameter < kNumParameters; ++parameter)
        settings_.values[parameter] = wanted_[parameter].load(std::memory_order_relaxed);
    gate_->configure(settings_);
    hum_->configure(settings_[kHumReductionDb], is_bypassed_.load(std::memory_order_relaxed), !is_started_);
    if (is_started_) {
        ramp_.go_to(path_gains());
    } else {
        ramp_.jump_to(path_gains());
        gate_->reset();
    }
}

// Gains of the dry and the wet path that follow from mix, limit and output.
Gains BlockDenoiser::path_gains() const noexcept {
    if (is_bypassed_.load(std::memory_order_relaxed)) return {1.0, 0.0};
    const double wet = settings_[kMix] * (1.0 - std::pow(10.0, -settings_[kAttenuationLimitDb] / 20.0));
    if (settings_[kOutput] != 0.0) return {wet, -wet};
    return {1.0 - wet, wet};
}

void BlockDenoiser::begin(const float* const* in, std::size_t num_samples, bool is_heard) {
    if (!stream_) return;
    const NoDenormals no_denormals;
    reset();
    is_changed_.exchange(false, std::memory_order_acquire);
    apply_settings();
    hum_->learn(in, num_samples);
    if (!is_heard) {
        hum_->rewind();
        return;
    }
    const double learnt = std::fmin(double(num_samples), std::nearbyint(kLearntS * sample_rate_));
    const std::size_t num_heard = std::size_t(std::nearbyint(kHeardShare * learnt));
    std::vector<Buffer> heard;
    std::vector<float*> rows;
    for (int channel = 0; channel < num_channels_; ++channel) {
        heard.emplace_back(num_heard);
        for (std::size_t at = 0; at < num_heard; ++at) heard[channel][at] = cleaned(in[channel][at]);
        rows.push_back(heard.back().data());
    }
    hum_->rewind();
    if (hum_->is_on()) hum_->process(rows.data(), rows.data(), num_heard);
    hum_->rewind();
    for (float* row : rows) std::reverse(row, row + num_heard);
    if (num_heard > 0) process_path(rows.data(), rows.data(), num_heard);
}

void BlockDenoiser::process(const float* const* in, float* const* out, std::size_t num_samples) noexcept {
    if (num_samples == 0 || !stream_) return;
    const NoDenormals no_denormals;
    if (is_changed_.exchange(false, std::memory_order_acquire)) apply_settings();
    // Hum is taken from the dry path too.
    if (hum_->is_on()) {
        hum_->process(in, out, num_samples);
        in = out;
    }
    hum_frequency_hz_.store(hum_->frequency_hz(), std::memory_order_relaxed);
    process_path(in, out, num_samples);
}

// The way of the sound without the removal of hum.
void BlockDenoiser::process_path(const float* const* in, float* const* out, std::size_t num_samples) noexcept {
    is_started_ = true;
    float peak = 0.0f;
    long long num_replaced = 0;
    for (int channel = 0; channel < num_channels_; ++channel) {
        for (std::size_t at = 0; at < num_samples; ++at) {
            const float size = std::fabs(cleaned(in[channel][at]));
            peak = size > peak ? size : peak;
            num_replaced += !is_sound(in[channel][at]);
        }
    }
    input_peak_.store(peak, std::memory_order_relaxed);
    output_peak_.store(0.0, std::memory_order_relaxed);
    if (num_replaced != 0)
        num_nonfinite_.store(num_nonfinite_.load(std::memory_order_relaxed) + num_replaced,
                             std::memory_order_relaxed);

    for (std::size_t done = 0; done < num_samples;) {
        const int count = int(std::min<std::size_t>(num_samples - done, stream_->num_missing()));
        process_part(in, out, done, count, peak < kSmallestPeak);
        done += count;
    }
}

// Processes samples up to the end of a hop.
void BlockDenoiser::process_part(const float* const* in, float* const* out, std::size_t first, int count,
                                 bool is_silent) noexcept {
    // All channels are read before the first is written: hosts process in place.
    for (int channel = 0; channel < num_channels_; ++channel) {
        const float* from = in[channel] + first;
        for (int at = 0; at < count; ++at) {
            clean_[at] = cleaned(from[at]);
            dry_[channel][at] = delays_[channel].step(clean_[at]);
        }
        if (is_silent) std::fill_n(clean_.data(), count, 0.0f);
        stream_->exchange(channel, clean_.data(), wet_[channel].data(), count);
    }
    GainRamp ramp = ramp_;
    float peak = 0.0f;
    for (int channel = 0; channel < num_channels_; ++channel) {
        const float *dry = dry_[channel].data(), *wet = wet_[channel].data();
        float* to = out[channel] + first;
        ramp = ramp_;
        if (!ramp.is_settled()) {
            for (int at = 0; at < count; ++at) {
                const Gains gains = ramp.step();
                to[at] = dry[at] * float(gains.dry) + wet[at] * float(gains.wet);
            }
        } else {
            const float dry_gain = float(ramp.target().dry), wet_gain = float(ramp.target().wet);
            // Without a wet part the output is the aligned input bit for bit.
            if (wet_gain == 0.0f)
                for (int at = 0; at < count; ++at) to[at] = dry_gain == 1.0f ? dry[at] : 0.0f;
            else if (dry_gain == 0.0f)
                for (int at = 0; at < count; ++at) to[at] = wet[at] * wet_gain;
            else
                for (int at = 0; at < count; ++at) to[at] = wet[at] * wet_gain + dry[at] * dry_gain;
        }
        for (int at = 0; at < count; ++at) peak = std::max(peak, std::fabs(to[at]));
    }
    ramp_ = ramp;
    if (peak > output_peak_.load(std::memory_order_relaxed)) output_peak_.store(peak, std::memory_order_relaxed);
    if (stream_->advance(count)) process_frame();
}

void BlockDenoiser::process_frame() noexcept {
    stream_->analyse(settings_.is_linked());
    std::vector<Spectrum>& target = stream_->target();
    const std::size_t num_bins = std::size_t(stream_->frame_size() / 2 + 1);
    for (int channel = 0; channel < num_channels_; ++channel) {
        const Spectrum& noisy = stream_->noisy()[channel];
        FrameEnergy energy;
        for (std::size_t bin = 0; bin < num_bins; ++bin) {
            const float re = noisy.re[bin], im = noisy.im[bin];
            const float target_re = target[channel].re[bin], target_im = target[channel].im[bin];
            energy.noisy += re * re + im * im;
            energy.target += target_re * target_re + target_im * target_im;
            energy.noise += (re - target_re) * (re - target_re) + (im - target_im) * (im - target_im);
        }
        energies_[channel] = energy;
    }
    const bool is_gated = gate_->gains(energies_, gate_gains_);
    double before = 0.0, masked = 0.0, after = 0.0;
    double loudest = 0.0, noisiest = 0.0, widest = 0.0;
    for (int channel = 0; channel < num_channels_; ++channel) {
        const float gain = is_gated ? float(gate_gains_[channel]) : 1.0f;
        if (gain != 1.0f) {
            for (std::size_t bin = 0; bin < num_bins; ++bin) {
                target[channel].re[bin] *= gain;
                target[channel].im[bin] *= gain;
            }
        }
        loudest = std::max(loudest, energies_[channel].target);
        noisiest = std::max(noisiest, energies_[channel].noise);
        widest = std::max(widest, double(gain));
        before += energies_[channel].noisy;
        masked += energies_[channel].target;
        after += energies_[channel].target * gain * gain;
    }
    energy_before_.store(before, std::memory_order_relaxed);
    energy_target_.store(masked, std::memory_order_relaxed);
    energy_after_.store(after, std::memory_order_relaxed);
    gate_level_.store(loudest * gate_->to_power(), std::memory_order_relaxed);
    gate_noise_.store(noisiest * gate_->to_power(), std::memory_order_relaxed);
    gate_gain_.store(widest, std::memory_order_relaxed);
    presence_.store(stream_->masks().presence(), std::memory_order_relaxed);
    num_faulty_frames_.store(stream_->masks().num_faulty_frames(), std::memory_order_relaxed);
    stream_->synthesize();
}

Meters BlockDenoiser::meters() const noexcept {
    return {energy_before_, energy_target_, energy_after_, presence_,         input_peak_,
            output_peak_,   num_nonfinite_, num_faulty_frames_};
}

GateLevels BlockDenoiser::gate_levels() const noexcept { return {gate_level_, gate_noise_, gate_gain_}; }

}  // namespace hushgate
