// Input level: gains that bring very quiet and very loud sound into the range that models know
// (engine/input_level.py, with the measurements behind the constants).
#pragma once

#include <limits>
#include <vector>

namespace hushgate {

class InputLevel {
public:
    InputLevel(int num_channels, double hop_s);

    void reset() noexcept;
    // Continues with one level for all channels, that of the loudest and of number 0; or with that one for each.
    void relink(bool is_linked) noexcept;

    // The amplitude gain of the next frame of a channel, from the power of its bins together.
    float gain(int channel, double power) noexcept;

private:
    struct Channel {
        double power, seconds;
        int num_faults;
        double least_fault;
    };

    static Channel fresh();
    static double sustained(Channel& channel, double power) noexcept;
    double follow(Channel& channel, double power) noexcept;

    double hop_s_, fall_, first_fall_, loud_fall_;
    std::vector<Channel> channels_;
};

}  // namespace hushgate
