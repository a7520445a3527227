// The smart gate: opens and closes frame by frame on the level of the model's target (engine/smart_gate.py).
#pragma once

#include <vector>

#include "buffer.h"
#include "gate.h"

namespace hushgate {

// Energies of one channel's frame: sums of squares over all bins.
struct FrameEnergy {
    double noisy = 0.0, target = 0.0, noise = 0.0;
};

class SpectralGate {
public:
    SpectralGate(const ParameterValues& settings, int num_channels, int frame_size, int hop_size,
                 double sample_rate);

    // Uses other settings from the next frame on. Gates keep their state and gain.
    void configure(const ParameterValues& settings) noexcept;
    void reset() noexcept;

    // Writes the gain of each channel for the next frame; false where the gate is off and all gains are 1.
    bool gains(const std::vector<FrameEnergy>& energies, std::vector<double>& gains) noexcept;

    // Factor from the energies to the power that the threshold is compared with.
    double to_power() const { return to_power_; }

private:
    int num_gates() const { return is_linked_ ? 1 : num_channels_; }
    double step(int index, double level, double target, double noise) noexcept;

    int num_channels_;
    double step_ms_, noise_rest_, to_power_;
    bool is_linked_;
    std::vector<GateCore> cores_;  // one for each channel; linked channels use the first
    std::vector<double> noise_;
};

}  // namespace hushgate
