// Straight ramps between the gains of the dry and the wet path (engine/signal/gain_ramp.py).
#pragma once

namespace hushgate {

struct Gains {
    double dry = 0.0, wet = 1.0;

    bool operator==(const Gains& other) const { return dry == other.dry && wet == other.wet; }
};

// Moves both gains to new values in a straight line, counted in samples.
class GainRamp {
public:
    explicit GainRamp(int length_samples = 0) : length_(length_samples) {}

    bool is_settled() const { return remaining_ == 0; }
    const Gains& target() const { return target_; }

    void jump_to(const Gains& gains) {
        target_ = gains;
        remaining_ = 0;
    }

    void go_to(const Gains& gains) {
        if (gains == target_) return;
        start_ = at(remaining_);
        target_ = gains;
        remaining_ = length_;
    }

    // Gains of the next sample.
    Gains step() {
        if (remaining_ > 0) --remaining_;
        return at(remaining_);
    }

private:
    Gains at(int remaining) const {
        const double part = double(remaining) / (length_ > 1 ? length_ : 1);
        return {target_.dry + (start_.dry - target_.dry) * part, target_.wet + (start_.wet - target_.wet) * part};
    }

    int length_;
    int remaining_ = 0;
    Gains start_, target_;
};

}  // namespace hushgate
