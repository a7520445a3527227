#include "line_statistics.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "hum_path.h"

namespace hushgate {

namespace {

// A line is steady when the quietest fifth of its hops has half of its mean amplitude or more, and any two
// seconds of it have the mean's phase, and from 0.4 to 2.5 times its amplitude.
constexpr float kLeastQuiet = 0.5f;
constexpr int kWindowHops = 20, kWindowStep = 10;
constexpr float kLeastWindow = 0.4f, kMostWindow = 2.5f;
// Power of a line over the variance of its mean.
constexpr float kSignificant = 30.0f;
// A line is alone by its power over the variance of a hop.
constexpr float kAlone = 10.0f;
// Lines this high that are so many times louder than every other so many multiples beside are held tones.
constexpr int kHighLine = 7, kNeighbours = 4;
constexpr float kTone = 16.0f;
// Amplitude of -100 dBFS.
constexpr float kInaudible = 1e-5f;
constexpr float kTiny = 1e-30f;
constexpr int kMostRank = quiet_rank(kHistoryHops);

}  // namespace

float quiet_power(float* values, int count) noexcept {
    float* const found = values + quiet_rank(count);
    std::nth_element(values, found, values + count);
    return *found;
}

LineStatistics::LineStatistics(int most_hops, int num_channels, int most_lines)
    : stride_(padded(most_lines)),
      means_(1, num_channels, most_lines),
      weights_(std::size_t(most_hops) * stride_),
      errors_(weights_.size()),
      projected_(weights_.size()),
      levels_(stride_),
      variances_(stride_),
      quiet_(stride_),
      sums_(stride_),
      is_steady_(most_lines),
      is_alone_(most_lines) {}

void LineStatistics::judge(const LineValues& values, int first_hop, int num_hops, int num_lines) noexcept {
    const int num_channels = values.num_channels;
    errors_.clear();
    for (int hop = 0; hop < num_hops; ++hop) {
        float* power = row(errors_, hop);
        for (int channel = 0; channel < num_channels; ++channel) {
            const float *re = values.re(first_hop + hop, channel), *im = values.im(first_hop + hop, channel);
            for (int line = 0; line < num_lines; ++line) power[line] += re[line] * re[line] + im[line] * im[line];
        }
    }
    weigh(num_hops, num_lines);
    for (int line = 0; line < num_lines; ++line) quiet_[line] = sums_[line];
    for (int round = 0; round < 3; ++round) {
        normalize(num_hops, num_lines);
        errors_.clear();
        for (int channel = 0; channel < num_channels; ++channel) {
            float *mean_re = means_.re(0, channel), *mean_im = means_.im(0, channel);
            std::fill_n(mean_re, num_lines, 0.0f);
            std::fill_n(mean_im, num_lines, 0.0f);
            for (int hop = 0; hop < num_hops; ++hop) {
                const float *re = values.re(first_hop + hop, channel), *im = values.im(first_hop + hop, channel);
                const float* weight = row(weights_, hop);
                for (int line = 0; line < num_lines; ++line) {
                    mean_re[line] += weight[line] * re[line];
                    mean_im[line] += weight[line] * im[line];
                }
            }
            for (int hop = 0; hop < num_hops; ++hop) {
                const float *re = values.re(first_hop + hop, channel), *im = values.im(first_hop + hop, channel);
                float* error = row(errors_, hop);
                for (int line = 0; line < num_lines; ++line) {
                    const float off_re = re[line] - mean_re[line], off_im = im[line] - mean_im[line];
                    error[line] += off_re * off_re + off_im * off_im;
                }
            }
        }
        variances_.clear();
        for (int hop = 0; hop < num_hops; ++hop) {
            const float *weight = row(weights_, hop), *error = row(errors_, hop);
            for (int line = 0; line < num_lines; ++line) variances_[line] += weight[line] * error[line];
        }
        weigh(num_hops, num_lines);
    }
    normalize(num_hops, num_lines);
    sums_.clear();
    levels_.clear();
    projected_.clear();
    for (int hop = 0; hop < num_hops; ++hop) {
        const float *weight = row(weights_, hop), *error = row(errors_, hop);
        for (int line = 0; line < num_lines; ++line) sums_[line] += weight[line] * weight[line] * error[line];
    }
    for (int channel = 0; channel < num_channels; ++channel) {
        const float *mean_re = means_.re(0, channel), *mean_im = means_.im(0, channel);
        for (int line = 0; line < num_lines; ++line)
            levels_[line] += mean_re[line] * mean_re[line] + mean_im[line] * mean_im[line];
        for (int hop = 0; hop < num_hops; ++hop) {
            const float *re = values.re(first_hop + hop, channel), *im = values.im(first_hop + hop, channel);
            const float* weight = row(weights_, hop);
            float* projected = row(projected_, hop);
            for (int line = 0; line < num_lines; ++line)
                projected[line] += weight[line] * (re[line] * mean_re[line] + im[line] * mean_im[line]);
        }
    }
    for (int line = 0; line < num_lines; ++line) {
        const float level = levels_[line];
        is_steady_[line] = quiet_[line] >= kLeastQuiet * kLeastQuiet * level &&
                           level > kSignificant * sums_[line] && level > kInaudible * kInaudible;
    }
    compare_windows(num_hops, num_lines);
    drop_tones(num_lines);
    for (int line = 0; line < num_lines; ++line)
        is_alone_[line] = is_steady(line) && levels_[line] > kAlone * variances_[line];
}

// Weights from errors; the quiet power of the errors is left in `sums_`.
void LineStatistics::weigh(int num_hops, int num_lines) noexcept {
    find_quiet(num_hops, num_lines);
    for (int hop = 0; hop < num_hops; ++hop) {
        float* weight = row(weights_, hop);
        const float* error = row(errors_, hop);
        for (int line = 0; line < num_lines; ++line) weight[line] = 1.0f / (error[line] + sums_[line] + kTiny);
    }
}

// Writes the quiet power of the errors to `sums_`: the least ones are kept in order, without branches, for four
// lines at once. Rows are filled up to whole vectors.
void LineStatistics::find_quiet(int num_hops, int num_lines) noexcept {
    typedef float Four __attribute__((vector_size(16)));
    const int rank = std::min(quiet_rank(num_hops), kMostRank);
    const Four most = Four{} + std::numeric_limits<float>::infinity();
    for (int first = 0; first < num_lines; first += 4) {
        Four least[kMostRank + 1];
        for (Four& value : least) value = most;
        for (int hop = 0; hop < num_hops; ++hop) {
            Four value;
            std::memcpy(&value, row(errors_, hop) + first, sizeof value);
            for (int place = 0; place <= rank; ++place) {
                const Four kept = least[place];
                least[place] = value < kept ? value : kept;
                value = value < kept ? kept : value;
            }
        }
        std::memcpy(sums_.data() + first, &least[rank], sizeof least[rank]);
    }
}

void LineStatistics::normalize(int num_hops, int num_lines) noexcept {
    sums_.clear();
    for (int hop = 0; hop < num_hops; ++hop) {
        const float* weight = row(weights_, hop);
        for (int line = 0; line < num_lines; ++line) sums_[line] += weight[line];
    }
    for (int hop = 0; hop < num_hops; ++hop) {
        float* weight = row(weights_, hop);
        for (int line = 0; line < num_lines; ++line) weight[line] /= sums_[line];
    }
}

void LineStatistics::compare_windows(int num_hops, int num_lines) noexcept {
    for (int first = 0; first + kWindowHops <= num_hops; first += kWindowStep) {
        for (int line = 0; line < num_lines; ++line) {
            float projected = 0.0f, weight = 0.0f;
            for (int hop = first; hop < first + kWindowHops; ++hop) {
                projected += row(projected_, hop)[line];
                weight += row(weights_, hop)[line];
            }
            const float share = projected / (weight * levels_[line] + kTiny);
            if (!(share >= kLeastWindow && share <= kMostWindow)) is_steady_[line] = 0;
        }
    }
}

// Drops lines whose neighbours are too quiet for hum, which falls evenly: notes held on an exact multiple.
void LineStatistics::drop_tones(int num_lines) noexcept {
    for (int line = 0; line < num_lines; ++line) sums_[line] = is_steady(line) ? levels_[line] : 0.0f;
    for (int line = kHighLine - 1; line < num_lines; ++line) {
        float loudest = 0.0f;
        const int end = std::min(num_lines, line + kNeighbours + 1);
        for (int other = line - kNeighbours; other < end; ++other)
            if (other != line) loudest = std::max(loudest, sums_[other]);
        if (loudest > 0.0f && sums_[line] > kTone * loudest) is_steady_[line] = 0;
    }
}

double LineStatistics::evidence(int num_lines) const noexcept {
    double sum = 0.0;
    for (int line = 0; line < num_lines; ++line)
        if (is_steady(line)) sum += std::log1p(level(line) / (double(hop_variance(line)) + kTiny));
    return sum;
}

}  // namespace hushgate
