// A delay of whole samples for one channel (engine/signal/delay_line.py).
#pragma once

#include "buffer.h"

namespace hushgate {

class DelayLine {
public:
    explicit DelayLine(int delay_samples = 0) : ring_(delay_samples) {}

    void reset() {
        ring_.clear();
        position_ = 0;
    }

    // Stores a sample and returns the one that is `delay_samples` old.
    float step(float sample) {
        const float delayed = ring_[position_];
        ring_[position_] = sample;
        if (++position_ == ring_.size()) position_ = 0;
        return delayed;
    }

private:
    Buffer ring_;
    std::size_t position_ = 0;
};

}  // namespace hushgate
