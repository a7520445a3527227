// The removal of mains hum from a stream of samples (engine/hum/hum_canceller.py).
#pragma once

#include <memory>
#include <vector>

#include "hum_search.h"
#include "hum_tracker.h"
#include "line_spectra.h"

namespace hushgate {

// Predicts steady mains hum, 50 or 60 Hz and its multiples up to 3 kHz.
//
// Hum is what sounds on exact multiples of a frequency within 0.3 Hz of 50 or 60 Hz, at all times in the last 8 s
// (`HumSearch`). Its lines are followed hop by hop (`HumTracker`), and the waveform that they predict for the next
// 0.1 s is what to subtract.
class HumCanceller {
public:
    HumCanceller(double sample_rate, int num_channels, const Kernels& kernels);

    // Forgets all sound.
    void reset() noexcept;

    // Frequency of the mains whose hum there is, Hz; 0 while there is none.
    double frequency_hz() const { return has_tracker_ ? tracker_.frequency_hz() : 0.0; }
    // Samples until the present hop is complete, 1 or more.
    int num_missing() const { return lines_.hop_size() - filled_; }

    // The next samples of a channel, finite, at most `num_missing`: to be written before `advance`.
    float* sound(int channel) noexcept { return hop_[channel].data() + lines_.num_preceding() + filled_; }
    // The hum in them; null where there is none.
    const float* hum(int channel) const noexcept {
        return has_waveform_ ? waveform_[channel].data() + filled_ : nullptr;
    }
    // Goes on by samples of every channel.
    void advance(int count) noexcept;

    // Forgets all sound, and learns the beginning of a recording from what comes until `rewind`. Allocates: not
    // for the sound's thread.
    void learn();
    // Whether more of it would be learnt: 30 s are. Hum that music covers at first is found later, and followed
    // back to the first sample.
    bool is_learning() const { return learnt_ != nullptr && num_hops_ < kMostLearntHops; }
    // Begins the recording anew whose beginning was learnt, and knows its hum from the first sample. After less
    // than 8 s, or without hum, this is `reset`. It may be repeated until `reset`.
    void rewind() noexcept;

private:
    static constexpr int kMostLearntHops = 300;

    void finish_hop() noexcept;
    void find() noexcept;
    void set_waveform() noexcept;
    void set_columns(double turn) noexcept;

    double sample_rate_;
    int num_channels_, row_, num_rows_;
    const Kernels& kernels_;
    LineSpectra lines_;
    SpectraHistory history_;
    HumSearch search_;
    std::unique_ptr<SpectraHistory> learnt_;  // all hops that are learnt
    HumTracker tracker_, beginning_;
    bool has_tracker_ = false, has_beginning_ = false, has_waveform_ = false;
    bool is_ahead_ = false;  // the tracker follows the hum that `beginning_` has
    int num_hops_ = 0, filled_ = 0;
    int num_vain_ = 0;  // no search finds hum in so many hops
    std::vector<Buffer> hop_;    // the present hop, and the samples before it that the low-pass needs
    std::vector<Buffer> frame_;  // two hops at the low rate
    std::vector<Buffer> waveform_;

    // The waveform of a hop is computed in rows: e^(i w n) is the row's start times the place in the row.
    std::vector<int> orders_;                // of the lines that sound
    std::vector<int> column_orders_;         // of the lines that the columns are for
    double columns_hz_ = 0.0;
    Spectrum columns_;                       // (lines, places): cosines, and minus sines
    Spectrum starts_;                        // (rows, lines)
    Buffer products_;                        // (rows, places)
    std::vector<double> turned_re_, turned_im_, steps_re_, steps_im_;
};

}  // namespace hushgate
