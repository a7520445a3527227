// Following of a hum that was found: phase, frequency, and the amplitude of every line
// (engine/hum/hum_tracker.py).
#pragma once

#include <vector>

#include "hum_search.h"

namespace hushgate {

// Follows the lines of one hum from hop to hop.
//
// Phase and frequency of the mains follow all lines together (a Kalman filter of two states; each line counts by
// its power over its error, times the square of its order). Each amplitude has a Kalman filter of its own, whose
// gain falls with the present error: sound that is not the hum's hardly moves it.
class HumTracker {
public:
    HumTracker(const LineSpectra& lines, int num_channels);

    // Begins with what `search` found in a history.
    void begin(HumSearch& search, const HumPath& path, const SpectraHistory& history) noexcept;
    // Follows it from there back to the first sample of a recording. `recording` ends with the history, and its last
    // `num_hops` are all since the first. The hum is lost if it was not there at first.
    void begin_at_first(HumSearch& search, const HumPath& path, const SpectraHistory& history,
                        const SpectraHistory& recording, int num_hops) noexcept;
    // Takes over another tracker's state, of the same format.
    void copy_from(const HumTracker& other) noexcept;
    // Takes up lines that another tracker of this hum has found, or heard alone, later in the recording.
    void take_up(const HumTracker& later) noexcept;

    // Goes on by a hop without measuring.
    void coast() noexcept;
    // Follows the hum through the last hop of a history.
    void step(const SpectraHistory& history) noexcept;

    // The hum has ended, and `after` is zeros; or it was not there at first.
    bool is_lost() const { return is_lost_; }
    // Of the mains in the middle of the last hop, radians and Hz.
    double phase() const { return phase_; }
    double frequency_hz() const { return frequency_hz_; }
    int num_lines() const { return num_lines_; }
    // What was subtracted from the last hop, and what to subtract from the next, to be turned by `phase` times
    // the order: amplitudes of the lines of every channel, hop 0.
    const LineValues& before() const { return before_; }
    const LineValues& after() const { return after_; }

private:
    void start(HumSearch& search, const HumPath& path, const SpectraHistory& history, bool is_backwards) noexcept;
    void follow(const SpectraHistory& history, int hop, bool is_backwards) noexcept;
    void predict() noexcept;
    double follow_phase() noexcept;
    void follow_amplitudes() noexcept;
    void turn(LineValues& values, double angle) noexcept;
    void review(const SpectraHistory& history) noexcept;
    void take_up_lone(const SpectraHistory& history) noexcept;
    void follow_lines(const SpectraHistory& history, int first) noexcept;
    void set(int line, const LineValues& amplitudes) noexcept;
    double level(int line) const noexcept;
    double error(int line, const LineValues& amplitudes) const noexcept;
    bool has_lines() const noexcept;
    bool is_absent() const noexcept;
    bool is_far() const noexcept;

    const LineSpectra& lines_;
    int num_channels_, num_lines_ = 0, most_lines_;
    double mains_hz_ = 0.0;
    double phase_ = 0.0, frequency_hz_ = 0.0;
    struct {
        double of_phase, common, of_frequency;
    } covariance_{};
    bool is_lost_ = false;
    int age_ = 0;
    std::vector<char> is_line_;
    // Lines that nothing covered at some time: their amplitudes are the best known.
    std::vector<char> was_alone_;
    LineValues mean_, before_, after_;
    LineValues variance_, error_, level_;  // real parts only
    double phases_[kHistoryHops], frequencies_hz_[kHistoryHops];

    // Of one call.
    LineValues present_, history_values_;
    LineStatistics found_, recent_;
};

}  // namespace hushgate
