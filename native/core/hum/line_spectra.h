// Spectra of frames of 0.2 s, every 0.1 s, and the amplitudes of hum's lines in them
// (engine/hum/line_spectra.py).
#pragma once

#include <vector>

#include "../buffer.h"
#include "../fft.h"

namespace hushgate {

// What a bin of the window reads from a tone of amplitude 1.0 so many bins beside it.
double hann_response(double offset);

// Spectra of the last hops, of every channel.
class SpectraHistory {
public:
    SpectraHistory(int num_hops, int num_channels, int num_bins);

    // Moves on by a hop, whose spectra are then `at(num_hops - 1, channel)`.
    void advance() noexcept { first_ = (first_ + 1) % num_hops_; }
    // Hop 0 is the oldest.
    Spectrum& at(int hop, int channel) noexcept { return spectra_[index(hop, channel)]; }
    const Spectrum& at(int hop, int channel) const noexcept { return spectra_[index(hop, channel)]; }
    int num_hops() const { return num_hops_; }
    int num_channels() const { return num_channels_; }

private:
    std::size_t index(int hop, int channel) const {
        return std::size_t((first_ + hop) % num_hops_) * num_channels_ + channel;
    }

    int num_hops_, num_channels_;
    int first_ = 0;
    std::vector<Spectrum> spectra_;
};

// Amplitudes of the mains' first multiples in every channel of some hops, turned back by its phase.
class LineValues {
public:
    LineValues(int num_hops, int num_channels, int most_lines)
        : num_channels(num_channels), stride_(padded(most_lines)),
          re_(std::size_t(num_hops) * num_channels * stride_), im_(re_.size()) {}

    float* re(int hop, int channel) noexcept { return re_.data() + row(hop, channel); }
    float* im(int hop, int channel) noexcept { return im_.data() + row(hop, channel); }
    const float* re(int hop, int channel) const noexcept { return re_.data() + row(hop, channel); }
    const float* im(int hop, int channel) const noexcept { return im_.data() + row(hop, channel); }

    const int num_channels;

private:
    std::size_t row(int hop, int channel) const {
        return (std::size_t(hop) * num_channels + channel) * stride_;
    }

    int stride_;
    Buffer re_, im_;
};

// Measures lines in frames of two hops.
//
// A frame has a Hann window, and its middle is time zero: a line's value does not turn with the line's distance
// from the bin. What lies a multiple of the hop rate (10 Hz) beside a line would look as steady as the line, but
// there the window's spectrum is zero.
class LineSpectra {
public:
    LineSpectra(double sample_rate, const Kernels& kernels);

    int hop_size() const { return hop_size_; }
    double hop_s() const { return hop_s_; }
    int num_bins() const { return num_bins_; }
    // Samples before a hop that its low-pass needs.
    int num_preceding() const { return int(taps_.size()) - factor_; }
    // Samples of a hop at the rate of the frames.
    int low_hop_size() const { return hop_size_ / factor_; }
    // Multiples of a mains frequency that are measured.
    int num_lines(double mains_hz) const;
    // The same of 50 Hz, which has more than 60 Hz.
    int most_lines() const { return num_lines(50.0); }

    // Writes a hop at the rate of the frames. `hop` begins with the samples that precede it.
    void to_low_rate(const float* hop, float* low) const noexcept;
    // Writes the spectrum of two hops at the low rate. A sine of amplitude 1.0 in its bin reads 1.0, with the
    // phase that it has at the second hop's first sample.
    void of_frame(const float* frame, Spectrum& spectrum) noexcept;

    struct Place {
        int bin;
        double offset;  // how far above the bin's middle the line is, bins
    };
    // The nearest bin of a line.
    Place place_of(double frequency_hz) const noexcept;

    // Writes the amplitudes of the first multiples in one hop. `is_backwards`: time runs backwards, and the
    // spectra count as conjugate.
    //   phase: of the mains in the middle of the frame, radians.
    void amplitudes(const SpectraHistory& history, int hop, double phase, double frequency_hz, int num_lines,
                    bool is_backwards, LineValues& values, int value_hop) const noexcept;

private:
    int factor_, hop_size_, num_bins_;
    double hop_s_, frame_s_;
    Buffer window_, taps_, frame_;
    Spectrum scale_, whole_;
    Fft fft_;
};

}  // namespace hushgate
