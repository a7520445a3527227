// The gate's opening and closing: one level per frame in, one gain out (engine/gate.py).
#pragma once

#include "parameters.h"

namespace hushgate {

class GateCore {
public:
    GateCore(const ParameterValues& settings, double step_ms);

    // Uses other settings from the next step on. The gain starts from its present value.
    void configure(const ParameterValues& settings);
    void reset();

    // True when the gate is switched off and fully open: steps would change nothing.
    bool is_idle() const { return open_power_ == 0.0 && gain_ == 1.0; }
    double gain() const { return gain_; }

    // Advances by one step, from the power of the sound (1.0 is 0 dBFS) and its ratio to that of the noise.
    double step(double power, double ratio) noexcept;

private:
    double release(double elapsed_ms) noexcept;

    double step_ms_;
    double floor_db_, hold_ms_, release_ms_, attack_;
    double open_power_, close_power_, open_ratio_, close_ratio_;
    bool is_open_;
    double gain_;
    double below_ms_;
};

}  // namespace hushgate
