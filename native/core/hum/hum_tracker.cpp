#include "hum_tracker.h"

#include <algorithm>
#include <cmath>

namespace hushgate {

namespace {

constexpr double kTurn = 2.0 * 3.141592653589793238462643383279502884;
// Hops that a new hum is followed through before it is subtracted.
constexpr int kReplayedHops = 20;
// Lines that have become steady are looked for, and lost ones dropped, this often.
constexpr int kReviewHops = 10;
// Changes within a hop that the filter expects: of phase, rad; of frequency, rad/s; of amplitude, relative.
constexpr double kPhaseChange = 2e-3, kFrequencyChange = 1.6e-2;
constexpr float kAmplitudeChange = 0.02f;
// Largest relative variance of an amplitude: what a line may change by while music covers it.
constexpr float kMostVariance = 0.1f;
// The error falls faster than it rises: once music stops, amplitudes settle within a few hops.
constexpr float kErrorRise = 0.2f, kErrorFall = 0.6f, kLevelSmoothing = 0.3f;
// A line is subtracted only as far as there is that much sound: twice its power.
constexpr float kLeastSound = 2.0f;
// A line is lost when the quietest fifth of the last 8 s has less than this share of its power.
constexpr double kLost = 0.05;
constexpr double kFurthestHz = 0.45;
// A line that nothing covers for this long is taken up at once, unless it has more than this times the power of
// the loudest, and corrected if its error has more than this share of its power; looked for so often.
constexpr int kRecentHops = 15, kRecentReviewHops = 5;
constexpr double kLoudest = 4.0, kLeastError = 0.1;
constexpr float kTiny = 1e-30f;

void copy_lines(const LineValues& from, LineValues& to, int num_lines) noexcept {
    for (int channel = 0; channel < to.num_channels; ++channel) {
        std::copy_n(from.re(0, channel), num_lines, to.re(0, channel));
        std::copy_n(from.im(0, channel), num_lines, to.im(0, channel));
    }
}

void conjugate(LineValues& values, int num_lines) noexcept {
    for (int channel = 0; channel < values.num_channels; ++channel)
        for (int line = 0; line < num_lines; ++line) values.im(0, channel)[line] = -values.im(0, channel)[line];
}

void clear_lines(LineValues& values, int num_lines) noexcept {
    for (int channel = 0; channel < values.num_channels; ++channel) {
        std::fill_n(values.re(0, channel), num_lines, 0.0f);
        std::fill_n(values.im(0, channel), num_lines, 0.0f);
    }
}

}  // namespace

HumTracker::HumTracker(const LineSpectra& lines, int num_channels)
    : lines_(lines),
      num_channels_(num_channels),
      most_lines_(lines.most_lines()),
      is_line_(most_lines_),
      was_alone_(most_lines_),
      mean_(1, num_channels, most_lines_),
      before_(1, num_channels, most_lines_),
      after_(1, num_channels, most_lines_),
      variance_(1, num_channels, most_lines_),
      error_(1, num_channels, most_lines_),
      level_(1, num_channels, most_lines_),
      phases_{},
      frequencies_hz_{},
      present_(1, num_channels, most_lines_),
      history_values_(kHistoryHops, num_channels, most_lines_),
      found_(kHistoryHops, num_channels, most_lines_),
      recent_(kRecentHops, num_channels, most_lines_) {}

void HumTracker::begin(HumSearch& search, const HumPath& path, const SpectraHistory& history) noexcept {
    start(search, path, history, false);
    for (int hop = kHistoryHops - kReplayedHops; hop < kHistoryHops; ++hop) follow(history, hop, false);
    clear_lines(before_, num_lines_);
}

void HumTracker::begin_at_first(HumSearch& search, const HumPath& path, const SpectraHistory& history,
                                const SpectraHistory& recording, int num_hops) noexcept {
    start(search, path, history, true);
    const int end = recording.num_hops(), first = end - num_hops;
    // The first frame has the first hop in its second half only.
    for (int hop = end - kHistoryHops + kReplayedHops - 1; hop > first; --hop) {
        follow(recording, hop, true);
        is_lost_ = is_lost_ || is_absent();
    }
    // From the second frame, whose first half is the first hop, to the frame before the recording.
    conjugate(mean_, num_lines_);
    conjugate(after_, num_lines_);
    phase_ = -phase_ - 2.0 * kTurn * frequency_hz_ * lines_.hop_s();
    copy_lines(after_, before_, num_lines_);
    is_lost_ = is_lost_ || is_far();
}

// Begins in the history, before the first hop that is to be followed.
void HumTracker::start(HumSearch& search, const HumPath& path, const SpectraHistory& history,
                       bool is_backwards) noexcept {
    mains_hz_ = path.mains_hz;
    num_lines_ = lines_.num_lines(path.mains_hz);
    const LineStatistics& found = search.statistics(history, path, num_lines_);
    for (int line = 0; line < num_lines_; ++line) is_line_[line] = found.is_steady(line);
    std::fill(was_alone_.begin(), was_alone_.end(), char(0));
    for (int channel = 0; channel < num_channels_; ++channel) {
        for (int line = 0; line < num_lines_; ++line) {
            const float re = is_line_[line] ? found.amplitudes().re(0, channel)[line] : 0.0f;
            const float im = is_line_[line] ? found.amplitudes().im(0, channel)[line] : 0.0f;
            const float level = re * re + im * im;
            mean_.re(0, channel)[line] = re;
            mean_.im(0, channel)[line] = is_backwards ? -im : im;
            variance_.re(0, channel)[line] = kMostVariance * level;
            error_.re(0, channel)[line] = found.hop_variance(line);
            level_.re(0, channel)[line] = level;
        }
    }
    covariance_ = {0.01, 0.0, 1e-3};
    for (int hop = 0; hop < kHistoryHops; ++hop) {
        const double time_s = history_time_s(hop, lines_.hop_s());
        phases_[hop] = path.phase(time_s);
        frequencies_hz_[hop] = path.frequency_hz_at(time_s);
    }
    clear_lines(before_, num_lines_);
    clear_lines(after_, num_lines_);
    is_lost_ = false;
    // After a rewind the history is complete, and worth a review, 8 s later.
    age_ = is_backwards ? -kHistoryHops : 0;
    const int first = is_backwards ? kReplayedHops - 1 : kHistoryHops - kReplayedHops;
    phase_ = is_backwards ? -phases_[first] : phases_[first];
    frequency_hz_ = frequencies_hz_[first];
    phase_ -= kTurn * frequency_hz_ * lines_.hop_s();
}

void HumTracker::copy_from(const HumTracker& other) noexcept {
    num_lines_ = other.num_lines_;
    mains_hz_ = other.mains_hz_;
    phase_ = other.phase_;
    frequency_hz_ = other.frequency_hz_;
    covariance_ = other.covariance_;
    is_lost_ = other.is_lost_;
    age_ = other.age_;
    std::copy(other.is_line_.begin(), other.is_line_.end(), is_line_.begin());
    std::copy(other.was_alone_.begin(), other.was_alone_.end(), was_alone_.begin());
    copy_lines(other.mean_, mean_, num_lines_);
    copy_lines(other.before_, before_, num_lines_);
    copy_lines(other.after_, after_, num_lines_);
    copy_lines(other.variance_, variance_, num_lines_);
    copy_lines(other.error_, error_, num_lines_);
    copy_lines(other.level_, level_, num_lines_);
    std::copy_n(other.phases_, kHistoryHops, phases_);
    std::copy_n(other.frequencies_hz_, kHistoryHops, frequencies_hz_);
}

void HumTracker::take_up(const HumTracker& later) noexcept {
    for (int line = 0; line < num_lines_; ++line) {
        if (!later.is_line_[line] || (is_line_[line] && !later.was_alone_[line])) continue;
        set(line, later.mean_);
        for (int channel = 0; channel < num_channels_; ++channel) {
            const float re = later.mean_.re(0, channel)[line], im = later.mean_.im(0, channel)[line];
            for (LineValues* values : {&after_, &before_}) {
                values->re(0, channel)[line] = re;
                values->im(0, channel)[line] = im;
            }
            level_.re(0, channel)[line] = re * re + im * im;
        }
    }
}

void HumTracker::coast() noexcept {
    predict();
    copy_lines(after_, before_, num_lines_);
}

void HumTracker::step(const SpectraHistory& history) noexcept {
    follow(history, kHistoryHops - 1, false);
    std::copy(phases_ + 1, phases_ + kHistoryHops, phases_);
    std::copy(frequencies_hz_ + 1, frequencies_hz_ + kHistoryHops, frequencies_hz_);
    phases_[kHistoryHops - 1] = phase_;
    frequencies_hz_[kHistoryHops - 1] = frequency_hz_;
    ++age_;
    if (age_ > 0) {
        if (age_ % kReviewHops == 0) review(history);
        if (age_ % kRecentReviewHops == 0) take_up_lone(history);
    }
    is_lost_ = !has_lines() || is_far();
    if (is_lost_) clear_lines(after_, num_lines_);
}

void HumTracker::follow(const SpectraHistory& history, int hop, bool is_backwards) noexcept {
    predict();
    lines_.amplitudes(history, hop, phase_, frequency_hz_, num_lines_, is_backwards, present_, 0);
    const double turned = follow_phase();
    turn(present_, -turned);
    follow_amplitudes();
    copy_lines(after_, before_, num_lines_);
    turn(before_, -turned);
    for (int channel = 0; channel < num_channels_; ++channel) {
        const float *re = mean_.re(0, channel), *im = mean_.im(0, channel), *sound = level_.re(0, channel);
        for (int line = 0; line < num_lines_; ++line) {
            const float level = re[line] * re[line] + im[line] * im[line];
            const float share = std::min(1.0f, std::sqrt(kLeastSound * sound[line] / (level + kTiny)));
            after_.re(0, channel)[line] = re[line] * share;
            after_.im(0, channel)[line] = im[line] * share;
        }
    }
}

void HumTracker::predict() noexcept {
    const double hop_s = lines_.hop_s();
    phase_ = std::fmod(phase_ + kTurn * frequency_hz_ * hop_s, kTurn);
    if (phase_ < 0.0) phase_ += kTurn;
    const auto [of_phase, common, of_frequency] = covariance_;
    covariance_ = {of_phase + 2.0 * hop_s * common + hop_s * hop_s * of_frequency + kPhaseChange * kPhaseChange,
                   common + hop_s * of_frequency, of_frequency + kFrequencyChange * kFrequencyChange};
}

// Corrects phase and frequency by those of the lines; returns the phase's correction, radians.
double HumTracker::follow_phase() noexcept {
    double total = 0.0, sum = 0.0;
    for (int line = 0; line < num_lines_; ++line) {
        double noise = 0.0, power = 0.0, along = 0.0, across = 0.0;
        for (int channel = 0; channel < num_channels_; ++channel) {
            const double mean_re = mean_.re(0, channel)[line], mean_im = mean_.im(0, channel)[line];
            const double re = present_.re(0, channel)[line], im = present_.im(0, channel)[line];
            const double error_re = re - mean_re, error_im = im - mean_im;
            noise += std::max(double(error_.re(0, channel)[line]), error_re * error_re + error_im * error_im);
            power += mean_re * mean_re + mean_im * mean_im;
            along += re * mean_re + im * mean_im;
            across += im * mean_re - re * mean_im;
        }
        if (power == 0.0) continue;
        const double order = line + 1, weight = 2.0 * order * order * power / (noise + kTiny);
        total += weight;
        sum += weight * std::atan2(across, along) / order;
    }
    if (total <= 0.0) return 0.0;
    const double measured = sum / total;
    const auto [of_phase, common, of_frequency] = covariance_;
    const double gain = of_phase / (of_phase + 1.0 / total), slope = common / (of_phase + 1.0 / total);
    covariance_ = {(1.0 - gain) * of_phase, (1.0 - gain) * common, of_frequency - slope * common};
    phase_ += gain * measured;
    frequency_hz_ += slope * measured / kTurn;
    return gain * measured;
}

void HumTracker::follow_amplitudes() noexcept {
    for (int channel = 0; channel < num_channels_; ++channel) {
        float *mean_re = mean_.re(0, channel), *mean_im = mean_.im(0, channel);
        float *variances = variance_.re(0, channel), *errors = error_.re(0, channel);
        float* levels = level_.re(0, channel);
        const float *re = present_.re(0, channel), *im = present_.im(0, channel);
        for (int line = 0; line < num_lines_; ++line) {
            const float off_re = re[line] - mean_re[line], off_im = im[line] - mean_im[line];
            const float squared = off_re * off_re + off_im * off_im;
            const float level = mean_re[line] * mean_re[line] + mean_im[line] * mean_im[line];
            const float variance =
                std::min(variances[line] + kAmplitudeChange * kAmplitudeChange * level, kMostVariance * level);
            const float gain = variance / (variance + errors[line] + squared + kTiny);
            mean_re[line] += gain * off_re;
            mean_im[line] += gain * off_im;
            variances[line] = variance * (1.0f - gain);
            errors[line] += (squared < errors[line] ? kErrorFall : kErrorRise) * (squared - errors[line]);
            levels[line] += kLevelSmoothing * (re[line] * re[line] + im[line] * im[line] - levels[line]);
        }
    }
}

// Turns every line by an angle times its order.
void HumTracker::turn(LineValues& values, double angle) noexcept {
    const double step_re = std::cos(angle), step_im = std::sin(angle);
    double turn_re = 1.0, turn_im = 0.0;
    for (int line = 0; line < num_lines_; ++line) {
        const double before = turn_re;
        turn_re = turn_re * step_re - turn_im * step_im;
        turn_im = turn_im * step_re + before * step_im;
        for (int channel = 0; channel < num_channels_; ++channel) {
            float &re = values.re(0, channel)[line], &im = values.im(0, channel)[line];
            const float was = re;
            re = was * float(turn_re) - im * float(turn_im);
            im = im * float(turn_re) + was * float(turn_im);
        }
    }
}

// Takes up lines that have become steady, and drops those that have vanished.
void HumTracker::review(const SpectraHistory& history) noexcept {
    follow_lines(history, 0);
    found_.judge(history_values_, 0, kHistoryHops, num_lines_);
    for (int line = 0; line < num_lines_; ++line) {
        if (found_.is_steady(line) && !is_line_[line]) set(line, found_.amplitudes());
        is_line_[line] = is_line_[line] && found_.quiet_power(line) >= kLost * level(line);
        if (is_line_[line]) continue;
        for (int channel = 0; channel < num_channels_; ++channel)
            mean_.re(0, channel)[line] = mean_.im(0, channel)[line] = 0.0f;
    }
}

// Takes up and corrects lines that nothing covers at present.
void HumTracker::take_up_lone(const SpectraHistory& history) noexcept {
    follow_lines(history, kHistoryHops - kRecentHops);
    recent_.judge(history_values_, kHistoryHops - kRecentHops, kRecentHops, num_lines_);
    double loudest = 0.0;
    for (int line = 0; line < num_lines_; ++line) loudest = std::max(loudest, level(line));
    for (int line = 0; line < num_lines_; ++line) {
        if (!recent_.is_alone(line) || recent_.level(line) >= kLoudest * loudest) continue;
        if (error(line, recent_.amplitudes()) > kLeastError * recent_.level(line)) set(line, recent_.amplitudes());
        was_alone_[line] = true;
    }
}

// Amplitudes of the lines in the hops of a history from one on.
void HumTracker::follow_lines(const SpectraHistory& history, int first) noexcept {
    for (int hop = first; hop < kHistoryHops; ++hop)
        lines_.amplitudes(history, hop, phases_[hop], frequencies_hz_[hop], num_lines_, false, history_values_,
                          hop);
}

void HumTracker::set(int line, const LineValues& amplitudes) noexcept {
    is_line_[line] = true;
    for (int channel = 0; channel < num_channels_; ++channel) {
        const float re = amplitudes.re(0, channel)[line], im = amplitudes.im(0, channel)[line];
        mean_.re(0, channel)[line] = re;
        mean_.im(0, channel)[line] = im;
        variance_.re(0, channel)[line] = kMostVariance * (re * re + im * im);
    }
}

// Power of a line's mean, all channels together.
double HumTracker::level(int line) const noexcept {
    double sum = 0.0;
    for (int channel = 0; channel < num_channels_; ++channel) {
        const double re = mean_.re(0, channel)[line], im = mean_.im(0, channel)[line];
        sum += re * re + im * im;
    }
    return sum;
}

// Power of the difference between amplitudes of a line and its mean, all channels together.
double HumTracker::error(int line, const LineValues& amplitudes) const noexcept {
    double sum = 0.0;
    for (int channel = 0; channel < num_channels_; ++channel) {
        const double re = amplitudes.re(0, channel)[line] - mean_.re(0, channel)[line];
        const double im = amplitudes.im(0, channel)[line] - mean_.im(0, channel)[line];
        sum += re * re + im * im;
    }
    return sum;
}

bool HumTracker::has_lines() const noexcept {
    return std::any_of(is_line_.begin(), is_line_.begin() + num_lines_, [](char is_line) { return is_line; });
}

// Whether there is less sound on the lines than the hum would be.
bool HumTracker::is_absent() const noexcept {
    double sound = 0.0, hum = 0.0;
    for (int channel = 0; channel < num_channels_; ++channel) {
        const float *re = mean_.re(0, channel), *im = mean_.im(0, channel), *present = level_.re(0, channel);
        for (int line = 0; line < num_lines_; ++line) {
            const float level = re[line] * re[line] + im[line] * im[line];
            hum += level;
            sound += std::min(present[line], level);
        }
    }
    return sound < kLost * hum;
}

// Whether the frequency has left the range of the mains.
bool HumTracker::is_far() const noexcept { return std::fabs(frequency_hz_ - mains_hz_) > kFurthestHz; }

}  // namespace hushgate
