// Which lines of a history are steady, and how much other sound covers them (line_statistics of
// engine/hum/hum_search.py).
#pragma once

#include <vector>

#include "line_spectra.h"

namespace hushgate {

// Of so many hops this one, the quietest being 0, has the power that the quietest fifth does not exceed.
constexpr int quiet_rank(int num_hops) { return (num_hops - 1) / 5; }

// That power of some hops. `values` are reordered.
float quiet_power(float* values, int count) noexcept;

// Judges lines by their amplitudes along the path of the mains.
//
// The mean is robust: a hop counts the less, the further it is from the mean (Cauchy weights).
class LineStatistics {
public:
    LineStatistics(int most_hops, int num_channels, int most_lines);

    // Judges the first lines in `num_hops` hops from `first_hop` on.
    void judge(const LineValues& values, int first_hop, int num_hops, int num_lines) noexcept;

    // Mean amplitude of the lines of every channel: hop 0.
    const LineValues& amplitudes() const { return means_; }
    LineValues& amplitudes() { return means_; }
    // Power of the mean, all channels together.
    double level(int line) const { return levels_[line]; }
    // Variance of a hop, all channels together.
    float hop_variance(int line) const { return variances_[line]; }
    // Power that the quietest fifth of the hops does not exceed.
    float quiet_power(int line) const { return quiet_[line]; }
    // Whether the line is hum's.
    bool is_steady(int line) const { return is_steady_[line] != 0; }
    void set_steady(int line, bool is_steady) { is_steady_[line] = is_steady; }
    // Whether hardly any other sound covers it.
    bool is_alone(int line) const { return is_alone_[line] != 0; }
    // Log-likelihood per hop of the steady ones among the first lines together.
    double evidence(int num_lines) const noexcept;

private:
    float* row(Buffer& buffer, int hop) const { return buffer.data() + std::size_t(hop) * stride_; }
    void weigh(int num_hops, int num_lines) noexcept;
    void find_quiet(int num_hops, int num_lines) noexcept;
    void normalize(int num_hops, int num_lines) noexcept;
    void compare_windows(int num_hops, int num_lines) noexcept;
    void drop_tones(int num_lines) noexcept;

    int stride_;
    LineValues means_;
    Buffer weights_, errors_, projected_;         // (hops, lines)
    Buffer levels_, variances_, quiet_, sums_;    // (lines)
    std::vector<char> is_steady_, is_alone_;
};

}  // namespace hushgate
