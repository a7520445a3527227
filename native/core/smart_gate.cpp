#include "smart_gate.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "framing.h"

namespace hushgate {

namespace {

// The noise level rises at once and falls with this time constant.
constexpr double kNoiseFallMs = 50.0;

}  // namespace

SpectralGate::SpectralGate(const ParameterValues& settings, int num_channels, int frame_size, int hop_size,
                           double sample_rate)
    : num_channels_(num_channels),
      step_ms_(1000.0 * hop_size / sample_rate),
      noise_rest_(std::exp(-step_ms_ / kNoiseFallMs)),
      is_linked_(settings.is_linked()),
      cores_(num_channels, GateCore(settings, step_ms_)),
      noise_(num_channels, 0.0) {
    // A sine of amplitude 1 has the power 1/2; see engine/smart_gate.py.
    const Buffer window = analysis_window(frame_size);
    const double scale = spectrum_scale(window);
    double squares = 0.0;
    for (int at = 0; at < frame_size; ++at) squares += double(window[at]) * window[at];
    to_power_ = 4.0 / (frame_size * squares * scale * scale);
}

void SpectralGate::configure(const ParameterValues& settings) noexcept {
    if (settings.is_linked() != is_linked_) {
        is_linked_ = settings.is_linked();
        if (is_linked_) {
            // The gate that is open widest, and the noise of all channels.
            int widest = 0;
            for (int index = 1; index < num_channels_; ++index)
                if (cores_[index].gain() > cores_[widest].gain()) widest = index;
            cores_[0] = cores_[widest];
            double sum = 0.0;
            for (const double level : noise_) sum += level;
            noise_[0] = sum;
        } else {
            std::fill(cores_.begin() + 1, cores_.end(), cores_[0]);
            std::fill(noise_.begin(), noise_.end(), noise_[0] / num_channels_);
        }
    }
    for (GateCore& core : cores_) core.configure(settings);
}

void SpectralGate::reset() noexcept {
    for (GateCore& core : cores_) core.reset();
    std::fill(noise_.begin(), noise_.end(), 0.0);
}

bool SpectralGate::gains(const std::vector<FrameEnergy>& energies, std::vector<double>& gains) noexcept {
    bool is_idle = true;
    for (int index = 0; index < num_gates(); ++index) is_idle = is_idle && cores_[index].is_idle();
    if (is_idle) return false;
    if (is_linked_) {
        double loudest = 0.0, target = 0.0, noise = 0.0;
        for (const FrameEnergy& energy : energies) {
            loudest = std::max(loudest, energy.target);
            target += energy.target;
            noise += energy.noise;
        }
        std::fill(gains.begin(), gains.end(), step(0, loudest, target, noise));
    } else {
        for (int index = 0; index < num_channels_; ++index)
            gains[index] = step(index, energies[index].target, energies[index].target, energies[index].noise);
    }
    return true;
}

double SpectralGate::step(int index, double level, double target, double noise) noexcept {
    double& highest = noise_[index];
    highest = std::max(noise * to_power_, highest * noise_rest_);
    const double ratio = highest > 0.0 ? target * to_power_ / highest : std::numeric_limits<double>::infinity();
    return cores_[index].step(level * to_power_, ratio);
}

}  // namespace hushgate
