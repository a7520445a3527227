// Frequency of the mains over a history (HumPath of engine/hum/hum_search.py).
#pragma once

namespace hushgate {

// Hops of a history, 8 s. A note is seldom held longer, and hum sounds before and after it.
constexpr int kHistoryHops = 80;

// Hz in the middle of the history, drift in Hz/s, and the nominal value. Times are from the middle.
struct HumPath {
    double mains_hz = 0.0, frequency_hz = 0.0, drift_hz_per_s = 0.0;

    double phase(double time_s) const {
        constexpr double kTurn = 2.0 * 3.141592653589793238462643383279502884;
        return kTurn * (frequency_hz + 0.5 * drift_hz_per_s * time_s) * time_s;
    }
    double frequency_hz_at(double time_s) const { return frequency_hz + drift_hz_per_s * time_s; }
};

// Time of a hop from the middle of a history.
constexpr double history_time_s(int hop, double hop_s) { return (hop - 0.5 * (kHistoryHops - 1)) * hop_s; }

}  // namespace hushgate
