// Likelihoods of a grid of straight paths of the mains frequency (HumSearch._likelihoods of
// engine/hum/hum_search.py).
#pragma once

#include <vector>

#include "../buffer.h"
#include "../kernels.h"
#include "hum_path.h"

namespace hushgate {

// Every pair of an offset and a drift. What undoes a path's turns is the product of what undoes its offset and
// what undoes its drift, so that all paths of a line are two matrix products.
class PathGrid {
public:
    // range, step: of offsets in Hz, and of drifts in Hz/s, around 0. orders: multiples that will be looked at.
    PathGrid(double range_hz, double step_hz, double range_drift, double step_drift,
             const std::vector<int>& orders, double hop_s, int num_channels, const Kernels& kernels);

    int size() const { return int(offsets_.size() * drifts_.size()); }
    double offset_hz(int path) const { return offsets_[path % offsets_.size()]; }
    double drift_hz_per_s(int path) const { return drifts_[path / offsets_.size()]; }

    // Begins a sum over lines.
    void begin() noexcept;
    // Adds a line, the `rank`th of the orders: its values in every hop of every channel, (hops, channels).
    void add_line(int rank, const float* re, const float* im) noexcept;
    // Ends the sum: log-likelihood of every path, per hop; 0 where nothing is steady.
    const std::vector<double>& finish() noexcept;

private:
    void set_weights(const float* re, const float* im) noexcept;

    int num_channels_, half_, columns_;  // columns of real parts, and of both parts filled up
    const Kernels& kernels_;
    std::vector<double> offsets_, drifts_;
    std::vector<Spectrum> of_offsets_;  // of each order: (offsets, hops)
    std::vector<Spectrum> of_drifts_;   // of each order: (drifts, hops)
    Buffer weights_;
    double power_ = 0.0;     // weighted mean of the hops
    Buffer values_;          // (hops, columns)
    Buffer by_re_, by_im_;   // (offsets, columns)
    std::vector<double> remaining_;  // product over lines of the share that is not steady; then the result
};

}  // namespace hushgate
