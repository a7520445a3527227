// The settings of a denoiser. Names, units, ranges and defaults as in engine/parameters.py; a test compares them.
#pragma once

#include <limits>

namespace hushgate {

// Numbers of the parameters, in the order of the table. Choices count from 0.
enum Parameter {
    kMix,
    kAttenuationLimitDb,  // infinite: no limit
    kHumReductionDb,      // 0: hum is left
    kGateThresholdDb,     // minus infinite: off
    kGateFloorDb,
    kGateHysteresisDb,
    kAttackMs,
    kHoldMs,
    kReleaseMs,
    kPresenceDb,
    kOutput,       // 0 denoised, 1 residual
    kChannelLink,  // 0 linked, 1 independent
    kNumParameters,
};

// `presence_db` at its minimum switches that condition off.
constexpr double kPresenceOffDb = -60.0;

constexpr double kDefaults[kNumParameters] = {
    1.0, std::numeric_limits<double>::infinity(), 0.0, -std::numeric_limits<double>::infinity(), -80.0, 6.0,
    1.0, 100.0, 100.0, 0.0, 0.0, 0.0,
};

// One value of every parameter.
struct ParameterValues {
    double values[kNumParameters];

    double operator[](Parameter parameter) const { return values[parameter]; }
    bool is_linked() const { return values[kChannelLink] == 0.0; }
};

}  // namespace hushgate
