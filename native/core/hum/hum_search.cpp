#include "hum_search.h"

#include <algorithm>
#include <cmath>

namespace hushgate {

namespace {

constexpr double kPi = 3.141592653589793238462643383279502884;
constexpr double kMainsHz[] = {50.0, 60.0};
// Grids stay within 0.2 Hz. G1 and B1, the notes nearest to 50 and 60 Hz, are 1 Hz and more away.
constexpr double kRangeHz = 0.28, kStepHz = 0.02;
constexpr double kDriftHzPerS = 0.024, kDriftStep = 0.006;
constexpr double kFiner = 8.0;
// Multiples that the search starts from; no note of the tempered scale lies in their ranges. A rectifier's hum
// has only the even ones: with fewer of them, music that covers one hides it.
constexpr int kAnchors[] = {1, 2, 3, 4, 6};
// Multiples that the path is refined with.
constexpr int kMostRefining = 12;
// Likelihood of a path below which nothing stands out.
constexpr double kLeastLikely = 0.35, kApartHz = 0.05;
constexpr int kMostCandidates = 4;
// Chance makes one line steady in music with a strong bass, seldom two low ones of a family. A line without
// others must be alone in its band.
constexpr int kLeastLines = 2, kLowLines = 12;
// A line may be the leakage of a tone some bins beside it: if the tone has so many times the line's power, or
// would leak more than a share of it through the window.
constexpr double kLeak = 300.0, kLeakShare = 0.3;
constexpr int kLeakingBins[] = {-8, -6, -4, -2, 2, 4, 6, 8};

std::vector<int> measured_anchors(const LineSpectra& lines) {
    std::vector<int> anchors;
    for (const int anchor : kAnchors)
        if (lines.num_lines(kMainsHz[1]) >= anchor) anchors.push_back(anchor);
    return anchors;
}

std::vector<int> refining_orders(const LineSpectra& lines) {
    std::vector<int> orders;
    for (int order = 1; order <= std::min(kMostRefining, lines.num_lines(kMainsHz[0])); ++order)
        orders.push_back(order);
    return orders;
}

}  // namespace

HumSearch::HumSearch(const LineSpectra& lines, int num_channels, const Kernels& kernels)
    : lines_(lines),
      num_channels_(num_channels),
      anchors_(measured_anchors(lines)),
      coarse_(kRangeHz, kStepHz, kDriftHzPerS, kDriftStep, anchors_, lines.hop_s(), num_channels, kernels),
      fine_(1.5 * kStepHz, kStepHz / kFiner, 1.5 * kDriftStep, 4.0 * kDriftStep / kFiner,
            refining_orders(lines), lines.hop_s(), num_channels, kernels),
      left_(coarse_.size()),
      line_(std::size_t(kHistoryHops) * num_channels),
      values_(kHistoryHops, num_channels, lines.most_lines()),
      found_(kHistoryHops, num_channels, lines.num_lines(kMainsHz[0])) {
    for (const double mains_hz : kMainsHz) {
        for (const int anchor : anchors_) {
            const LineSpectra::Place place = lines.place_of(mains_hz * anchor);
            const double factor = 1.0 / hann_response(place.offset);
            turns_.emplace_back(kHistoryHops);
            bins_.push_back(place.bin);
            for (int hop = 0; hop < kHistoryHops; ++hop) {
                const double angle = -2.0 * kPi * mains_hz * anchor * history_time_s(hop, lines.hop_s());
                turns_.back().re[hop] = float(factor * std::cos(angle));
                turns_.back().im[hop] = float(factor * std::sin(angle));
            }
        }
    }
}

bool HumSearch::find(const SpectraHistory& history, HumPath& path) noexcept {
    double most = 0.0;
    for (int mains = 0; mains < 2; ++mains) {
        left_ = coarse_likelihoods(history, mains);
        // The likeliest paths, each the best within its range: a drone beside the hum may be likelier.
        for (int candidate = 0; candidate < kMostCandidates; ++candidate) {
            const int best = int(std::max_element(left_.begin(), left_.end()) - left_.begin());
            if (!(left_[best] >= kLeastLikely)) break;
            const double offset_hz = coarse_.offset_hz(best);
            for (int other = 0; other < coarse_.size(); ++other)
                if (std::fabs(coarse_.offset_hz(other) - offset_hz) < kApartHz) left_[other] = 0.0;
            HumPath tried{kMainsHz[mains], kMainsHz[mains] + offset_hz, coarse_.drift_hz_per_s(best)};
            statistics(history, tried, anchors_.back());
            if (!has_steady_anchor()) continue;
            tried = refined(history, tried);
            const int num_lines = lines_.num_lines(tried.mains_hz);
            statistics(history, tried, num_lines);
            const double evidence = found_.evidence(num_lines);
            if (is_hum(num_lines) && evidence > most) {
                path = tried;
                most = evidence;
            }
        }
    }
    return most > 0.0;
}

const LineStatistics& HumSearch::statistics(const SpectraHistory& history, const HumPath& path,
                                            int num_lines) noexcept {
    follow(history, path, num_lines);
    found_.judge(values_, 0, kHistoryHops, num_lines);
    drop_leaks(history, path, num_lines);
    return found_;
}

const std::vector<double>& HumSearch::coarse_likelihoods(const SpectraHistory& history, int mains) noexcept {
    coarse_.begin();
    for (std::size_t rank = 0; rank < anchors_.size(); ++rank) {
        const std::size_t row = std::size_t(mains) * anchors_.size() + rank;
        std::size_t at = 0;
        for (int hop = 0; hop < kHistoryHops; ++hop) {
            const float turn_re = turns_[row].re[hop], turn_im = turns_[row].im[hop];
            for (int channel = 0; channel < num_channels_; ++channel, ++at) {
                const Spectrum& spectrum = history.at(hop, channel);
                const float re = spectrum.re[bins_[row]], im = spectrum.im[bins_[row]];
                line_.re[at] = re * turn_re - im * turn_im;
                line_.im[at] = re * turn_im + im * turn_re;
            }
        }
        coarse_.add_line(int(rank), line_.re.data(), line_.im.data());
    }
    return coarse_.finish();
}

HumPath HumSearch::refined(const SpectraHistory& history, const HumPath& path) noexcept {
    const int num_lines = std::min(kMostRefining, lines_.num_lines(path.mains_hz));
    follow(history, path, num_lines);
    fine_.begin();
    for (int line = 0; line < num_lines; ++line) {
        std::size_t at = 0;
        for (int hop = 0; hop < kHistoryHops; ++hop) {
            for (int channel = 0; channel < num_channels_; ++channel, ++at) {
                line_.re[at] = values_.re(hop, channel)[line];
                line_.im[at] = values_.im(hop, channel)[line];
            }
        }
        fine_.add_line(line, line_.re.data(), line_.im.data());
    }
    const std::vector<double>& likelihoods = fine_.finish();
    const int best = int(std::max_element(likelihoods.begin(), likelihoods.end()) - likelihoods.begin());
    return {path.mains_hz, path.frequency_hz + fine_.offset_hz(best),
            path.drift_hz_per_s + fine_.drift_hz_per_s(best)};
}

bool HumSearch::has_steady_anchor() const noexcept {
    return std::any_of(anchors_.begin(), anchors_.end(), [&](int order) { return found_.is_steady(order - 1); });
}

bool HumSearch::is_hum(int num_lines) const noexcept {
    if (!has_steady_anchor()) return false;
    int num_low = 0;
    for (int line = 0; line < num_lines; ++line) {
        if (found_.is_alone(line) && found_.is_steady(line)) return true;
        num_low += line < kLowLines && found_.is_steady(line);
    }
    return num_low >= kLeastLines;
}

// Lines caused by a steady tone 2, 4, ... bins beside: its phase turns by as much from hop to hop.
void HumSearch::drop_leaks(const SpectraHistory& history, const HumPath& path, int num_lines) noexcept {
    for (int line = 0; line < num_lines; ++line) {
        if (!found_.is_steady(line)) continue;
        const LineSpectra::Place place = lines_.place_of(path.frequency_hz * (line + 1));
        const double level = found_.level(line), own = hann_response(place.offset);
        for (const int distance : kLeakingBins) {
            const int beside = std::min(std::max(place.bin + distance, 0), lines_.num_bins() - 1);
            const double response = hann_response(distance + place.offset) / (own * own);
            double bearable = kLeakShare * level / (response * response);
            if (std::abs(distance) == 2) bearable = std::min(bearable, kLeak * level);
            if (is_louder(history, beside, bearable)) {
                found_.set_steady(line, false);
                break;
            }
        }
    }
}

// Whether the quietest fifth of a bin's hops has more than a power.
bool HumSearch::is_louder(const SpectraHistory& history, int bin, double power) const noexcept {
    int num_quieter = 0;
    for (int hop = 0; hop < kHistoryHops; ++hop) {
        float own = 0.0f;
        for (int channel = 0; channel < num_channels_; ++channel) {
            const Spectrum& spectrum = history.at(hop, channel);
            own += spectrum.re[bin] * spectrum.re[bin] + spectrum.im[bin] * spectrum.im[bin];
        }
        num_quieter += own <= power;
        if (num_quieter > quiet_rank(kHistoryHops)) return false;
    }
    return true;
}

// Amplitudes of the first multiples in all hops, turned back by the path's phase.
void HumSearch::follow(const SpectraHistory& history, const HumPath& path, int num_lines) noexcept {
    for (int hop = 0; hop < kHistoryHops; ++hop) {
        const double time_s = history_time_s(hop, lines_.hop_s());
        lines_.amplitudes(history, hop, path.phase(time_s), path.frequency_hz_at(time_s), num_lines, false,
                          values_, hop);
    }
}

}  // namespace hushgate
