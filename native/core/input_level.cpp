#include "input_level.h"

#include <algorithm>
#include <cmath>

namespace hushgate {

namespace {

constexpr double kLowestDb = -44.0, kHighestDb = 1.0, kLargestGainDb = 50.0;
constexpr double kFirstFallDbPerS = 10.0, kFirstS = 5.0, kFallDbPerS = 1.0, kLoudFallDbPerS = 5.0;
constexpr double kFaultDb = 40.0, kSilenceDb = -140.0;
constexpr int kSustainedFrames = 5;

double power_of(double decibels) { return std::pow(10.0, decibels / 10.0); }

const double kLowest = power_of(kLowestDb), kHighest = power_of(kHighestDb);
const double kLargestGain = power_of(kLargestGainDb);
const double kFault = power_of(kFaultDb), kSilence = power_of(kSilenceDb);

}  // namespace

InputLevel::InputLevel(int num_channels, double hop_s)
    : hop_s_(hop_s),
      fall_(power_of(-kFallDbPerS * hop_s)),
      first_fall_(power_of(-kFirstFallDbPerS * hop_s)),
      loud_fall_(power_of(-kLoudFallDbPerS * hop_s)),
      channels_(num_channels, fresh()) {}

InputLevel::Channel InputLevel::fresh() {
    return {kLowest, 0.0, 0, std::numeric_limits<double>::infinity()};
}

void InputLevel::reset() noexcept { std::fill(channels_.begin(), channels_.end(), fresh()); }

void InputLevel::relink(bool is_linked) noexcept {
    Channel from = channels_[0];
    for (const Channel& channel : channels_)
        if (is_linked && channel.power > from.power) from = channel;
    std::fill(channels_.begin(), channels_.end(), from);
}

float InputLevel::gain(int channel, double power) noexcept {
    const double level = follow(channels_[channel], power);
    if (level >= kLowest && level <= kHighest) return 1.0f;
    return float(std::sqrt(std::min(std::clamp(level, kLowest, kHighest) / level, kLargestGain)));
}

double InputLevel::sustained(Channel& channel, double power) noexcept {
    channel.least_fault = channel.num_faults > 0 ? std::min(power, channel.least_fault) : power;
    ++channel.num_faults;
    return channel.num_faults < kSustainedFrames ? kFault : channel.least_fault;
}

double InputLevel::follow(Channel& channel, double power) noexcept {
    if (power <= kSilence) return channel.power;
    const bool is_settled = channel.seconds >= kFirstS;
    double fall = is_settled ? fall_ : first_fall_;
    if (channel.power > kHighest) fall = loud_fall_;
    // A level in range settles it: the recording is an ordinary one.
    if (!is_settled) channel.seconds = power >= kLowest ? kFirstS : channel.seconds + hop_s_;
    if (power > kFault)
        power = sustained(channel, power);
    else
        channel.num_faults = 0;
    channel.power = std::max(power, channel.power * fall);
    return channel.power;
}

}  // namespace hushgate
