#include "gate.h"

#include <cmath>

namespace hushgate {

namespace {

// A gain within 0.001 dB of fully open counts as open.
constexpr double kOpenGain = 0.9999;

}  // namespace

GateCore::GateCore(const ParameterValues& settings, double step_ms) : step_ms_(step_ms) {
    configure(settings);
    reset();
}

void GateCore::configure(const ParameterValues& settings) {
    const double threshold_db = settings[kGateThresholdDb], hysteresis_db = settings[kGateHysteresisDb];
    floor_db_ = settings[kGateFloorDb];
    hold_ms_ = settings[kHoldMs];
    release_ms_ = settings[kReleaseMs];
    open_power_ = std::pow(10.0, threshold_db / 10.0);
    close_power_ = std::pow(10.0, (threshold_db - hysteresis_db) / 10.0);
    if (open_power_ == 0.0 || settings[kPresenceDb] <= kPresenceOffDb) {
        open_ratio_ = close_ratio_ = 0.0;
    } else {
        open_ratio_ = std::pow(10.0, settings[kPresenceDb] / 10.0);
        close_ratio_ = std::pow(10.0, (settings[kPresenceDb] - hysteresis_db) / 10.0);
    }
    attack_ = settings[kAttackMs] > 0.0 ? std::exp(-step_ms_ / settings[kAttackMs]) : 0.0;
}

void GateCore::reset() {
    is_open_ = open_power_ == 0.0;
    gain_ = is_open_ ? 1.0 : std::pow(10.0, floor_db_ / 20.0);
    below_ms_ = 0.0;
}

double GateCore::step(double power, double ratio) noexcept {
    if (power >= open_power_ && ratio >= open_ratio_) {
        is_open_ = true;
        below_ms_ = 0.0;
    } else if (!is_open_) {
        return release(step_ms_);
    } else if (power >= close_power_ && ratio >= close_ratio_) {
        below_ms_ = 0.0;
    } else {
        below_ms_ += step_ms_;
        const double rest_ms = below_ms_ - hold_ms_;
        if (rest_ms > 0.0) {  // the hold ended this long ago, within this step
            is_open_ = false;
            return release(rest_ms);
        }
    }
    if (gain_ < 1.0) {
        gain_ = 1.0 - (1.0 - gain_) * attack_;
        if (gain_ > kOpenGain) gain_ = 1.0;
    }
    return gain_;
}

double GateCore::release(double elapsed_ms) noexcept {
    const double rest = release_ms_ > 0.0 ? std::exp(-elapsed_ms / release_ms_) : 0.0;
    const double gain_db = floor_db_ + (20.0 * std::log10(gain_) - floor_db_) * rest;
    gain_ = std::pow(10.0, gain_db / 20.0);
    return gain_;
}

}  // namespace hushgate
