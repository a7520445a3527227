#include "path_grid.h"

#include <algorithm>
#include <cmath>

#include "line_statistics.h"

namespace hushgate {

namespace {

constexpr double kPi = 3.141592653589793238462643383279502884;
constexpr float kTiny = 1e-30f;
constexpr double kLeastRemaining = 1e-4;

std::vector<double> around_zero(double range, double step) {
    std::vector<double> values;
    const int count = int(std::ceil((2.0 * range + 0.5 * step) / step));
    for (int index = 0; index < count; ++index) values.push_back(-range + index * step);
    return values;
}

}  // namespace

PathGrid::PathGrid(double range_hz, double step_hz, double range_drift, double step_drift,
                   const std::vector<int>& orders, double hop_s, int num_channels, const Kernels& kernels)
    : num_channels_(num_channels),
      kernels_(kernels),
      offsets_(around_zero(range_hz, step_hz)),
      drifts_(around_zero(range_drift, step_drift)),
      weights_(kHistoryHops),
      remaining_(offsets_.size() * drifts_.size()) {
    half_ = int(drifts_.size()) * num_channels;
    columns_ = padded(2 * half_);
    values_ = Buffer(std::size_t(kHistoryHops) * columns_);
    by_re_ = Buffer(offsets_.size() * columns_);
    by_im_ = Buffer(offsets_.size() * columns_);
    const auto fill = [&](Spectrum& table, std::size_t row, double turns, int hop) {
        table.re[row * kHistoryHops + hop] = float(std::cos(2.0 * kPi * turns));
        table.im[row * kHistoryHops + hop] = float(-std::sin(2.0 * kPi * turns));
    };
    for (const int order : orders) {
        of_offsets_.emplace_back(offsets_.size() * kHistoryHops);
        of_drifts_.emplace_back(drifts_.size() * kHistoryHops);
        for (int hop = 0; hop < kHistoryHops; ++hop) {
            const double time_s = history_time_s(hop, hop_s);
            for (std::size_t row = 0; row < offsets_.size(); ++row)
                fill(of_offsets_.back(), row, order * offsets_[row] * time_s, hop);
            for (std::size_t row = 0; row < drifts_.size(); ++row)
                fill(of_drifts_.back(), row, order * 0.5 * drifts_[row] * time_s * time_s, hop);
        }
    }
}

void PathGrid::begin() noexcept { std::fill(remaining_.begin(), remaining_.end(), 1.0); }

void PathGrid::add_line(int rank, const float* re, const float* im) noexcept {
    set_weights(re, im);
    const Spectrum &of_offsets = of_offsets_[rank], &of_drifts = of_drifts_[rank];
    for (int hop = 0; hop < kHistoryHops; ++hop) {
        float* to = values_.data() + std::size_t(hop) * columns_;
        const float *from_re = re + hop * num_channels_, *from_im = im + hop * num_channels_;
        for (std::size_t drift = 0; drift < drifts_.size(); ++drift) {
            const float turn_re = weights_[hop] * of_drifts.re[drift * kHistoryHops + hop];
            const float turn_im = weights_[hop] * of_drifts.im[drift * kHistoryHops + hop];
            for (int channel = 0; channel < num_channels_; ++channel, ++to) {
                to[0] = from_re[channel] * turn_re - from_im[channel] * turn_im;
                to[half_] = from_re[channel] * turn_im + from_im[channel] * turn_re;
            }
        }
    }
    const int rows = int(offsets_.size());
    kernels_.product(of_offsets.re.data(), kHistoryHops, rows, kHistoryHops, values_.data(), columns_, columns_,
                     nullptr, by_re_.data(), columns_, false);
    kernels_.product(of_offsets.im.data(), kHistoryHops, rows, kHistoryHops, values_.data(), columns_, columns_,
                     nullptr, by_im_.data(), columns_, false);
    for (std::size_t offset = 0; offset < offsets_.size(); ++offset) {
        const float *by_re = by_re_.data() + offset * columns_, *by_im = by_im_.data() + offset * columns_;
        for (std::size_t drift = 0; drift < drifts_.size(); ++drift) {
            float coherent = 0.0f;
            for (int channel = 0; channel < num_channels_; ++channel, ++by_re, ++by_im) {
                const float mean_re = by_re[0] - by_im[half_], mean_im = by_re[half_] + by_im[0];
                coherent += mean_re * mean_re + mean_im * mean_im;
            }
            const double share = coherent / power_;
            remaining_[drift * offsets_.size() + offset] *= std::max(1.0 - share, kLeastRemaining);
        }
    }
}

const std::vector<double>& PathGrid::finish() noexcept {
    for (double& value : remaining_) value = -std::log(value);
    return remaining_;
}

// Hops that other sound makes loud count less.
void PathGrid::set_weights(const float* re, const float* im) noexcept {
    float powers[kHistoryHops], sorted[kHistoryHops];
    for (int hop = 0; hop < kHistoryHops; ++hop) {
        float power = 0.0f;
        for (int channel = 0; channel < num_channels_; ++channel, ++re, ++im) power += *re * *re + *im * *im;
        powers[hop] = sorted[hop] = power;
    }
    const float quiet = quiet_power(sorted, kHistoryHops);
    double sum = 0.0;
    for (int hop = 0; hop < kHistoryHops; ++hop) sum += weights_[hop] = 1.0f / (powers[hop] + quiet + kTiny);
    power_ = kTiny;
    for (int hop = 0; hop < kHistoryHops; ++hop) {
        weights_[hop] = float(weights_[hop] / sum);
        power_ += weights_[hop] * powers[hop];
    }
}

}  // namespace hushgate
