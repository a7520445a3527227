#include "line_spectra.h"

#include <algorithm>
#include <cmath>
#include <complex>

namespace hushgate {

namespace {

constexpr double kPi = 3.141592653589793238462643383279502884;
constexpr double kHopS = 0.1;
// Lines above are a buzz that the models take for noise.
constexpr double kHighestHz = 3000.0;
// Of the frames; and the length of the low-pass before them, in samples of that rate.
constexpr double kLeastRateHz = 8000.0;
constexpr int kTaps = 3;

// `hann_response` within half a bin, by the series of the sine (within 1e-11).
double near_response(double offset) noexcept {
    constexpr double kFactors[] = {1.0 / 342, 1.0 / 272, 1.0 / 210, 1.0 / 156, 1.0 / 110,
                                   1.0 / 72,  1.0 / 42,  1.0 / 20,  1.0 / 6};
    const double square = kPi * kPi * offset * offset;
    double sum = 1.0;
    for (const double factor : kFactors) sum = 1.0 - square * factor * sum;
    return sum / (1.0 - offset * offset);
}

int decimation(double sample_rate) { return std::max(1, int(sample_rate / kLeastRateHz)); }

int low_hop(double sample_rate) {
    // Halves go to the even neighbour, as in Python.
    return std::max(1, int(std::nearbyint(sample_rate / decimation(sample_rate) * kHopS)));
}

}  // namespace

double hann_response(double offset) {
    if (std::fabs(std::fabs(offset) - 1.0) < 1e-9) return 0.5;
    const double sinc = offset == 0.0 ? 1.0 : std::sin(kPi * offset) / (kPi * offset);
    return sinc / (1.0 - offset * offset);
}

SpectraHistory::SpectraHistory(int num_hops, int num_channels, int num_bins)
    : num_hops_(num_hops), num_channels_(num_channels) {
    for (int index = 0; index < num_hops * num_channels; ++index) spectra_.emplace_back(num_bins);
}

LineSpectra::LineSpectra(double sample_rate, const Kernels& kernels)
    : factor_(decimation(sample_rate)),
      hop_size_(factor_ * low_hop(sample_rate)),
      hop_s_(hop_size_ / sample_rate),
      frame_s_(2.0 * hop_s_),
      fft_(2 * low_hop(sample_rate), kernels) {
    const int half = low_hop_size();
    const double low_rate = sample_rate / factor_;
    num_bins_ = std::min(int(std::min(kHighestHz * 1.01, 0.49 * low_rate) * frame_s_) + 2, half + 1);
    window_ = Buffer(2 * half);
    frame_ = Buffer(2 * half);
    for (int at = 0; at < 2 * half; ++at) window_[at] = float(0.5 - 0.5 * std::cos(at * (kPi / half)));
    std::vector<double> taps(factor_ > 1 ? kTaps * factor_ : 1, 1.0);
    if (factor_ > 1)
        for (std::size_t at = 0; at < taps.size(); ++at)
            taps[at] = 0.5 - 0.5 * std::cos(2.0 * kPi * double(at + 1) / double(taps.size() + 1));
    double sum = 0.0;
    for (const double tap : taps) sum += tap;
    taps_ = Buffer(taps.size());
    for (std::size_t at = 0; at < taps.size(); ++at) taps_[at] = float(taps[at] /= sum);
    scale_ = Spectrum(num_bins_);
    whole_ = Spectrum(half + 1);
    for (int bin = 0; bin < num_bins_; ++bin) {
        // The low-pass and the first sample of each group shift the frame's middle.
        std::complex<double> response = 0.0;
        for (std::size_t at = 0; at < taps.size(); ++at) {
            const double offset_s = (double(at) - num_preceding()) / sample_rate;
            response += taps[at] * std::polar(1.0, 2.0 * kPi * bin / frame_s_ * offset_s);
        }
        // The bin of a sine of amplitude a reads a / 2 times the window's sum, half of the frame's length.
        const std::complex<double> scale = (bin % 2 == 0 ? 2.0 : -2.0) / half / response;
        scale_.re[bin] = float(scale.real());
        scale_.im[bin] = float(scale.imag());
    }
}

int LineSpectra::num_lines(double mains_hz) const {
    return std::max(0, int((num_bins_ - 1.5) / frame_s_ / (mains_hz + 0.5)));
}

void LineSpectra::to_low_rate(const float* hop, float* low) const noexcept {
    const int size = low_hop_size(), num_taps = int(taps_.size());
    for (int at = 0; at < size; ++at, hop += factor_) {
        float sum = 0.0f;
        for (int tap = 0; tap < num_taps; ++tap) sum += taps_[tap] * hop[tap];
        low[at] = sum;
    }
}

void LineSpectra::of_frame(const float* frame, Spectrum& spectrum) noexcept {
    for (std::size_t at = 0; at < frame_.size(); ++at) frame_[at] = frame[at] * window_[at];
    fft_.forward(frame_.data(), whole_);
    for (int bin = 0; bin < num_bins_; ++bin) {
        const float re = whole_.re[bin], im = whole_.im[bin];
        spectrum.re[bin] = re * scale_.re[bin] - im * scale_.im[bin];
        spectrum.im[bin] = re * scale_.im[bin] + im * scale_.re[bin];
    }
}

LineSpectra::Place LineSpectra::place_of(double frequency_hz) const noexcept {
    const double position = frequency_hz * frame_s_;
    const int bin = std::min(int(std::nearbyint(position)), num_bins_ - 1);
    return {bin, position - bin};
}

void LineSpectra::amplitudes(const SpectraHistory& history, int hop, double phase, double frequency_hz,
                             int num_lines, bool is_backwards, LineValues& values,
                             int value_hop) const noexcept {
    const double step_re = std::cos(phase), step_im = -std::sin(phase);
    double turn_re = 1.0, turn_im = 0.0;
    for (int line = 0; line < num_lines; ++line) {
        const double before = turn_re;
        turn_re = turn_re * step_re - turn_im * step_im;
        turn_im = turn_im * step_re + before * step_im;
        const Place place = place_of(frequency_hz * (line + 1));
        const double factor = 1.0 / near_response(place.offset);
        const float factor_re = float(factor * turn_re), factor_im = float(factor * turn_im);
        for (int channel = 0; channel < values.num_channels; ++channel) {
            const Spectrum& spectrum = history.at(hop, channel);
            const float re = spectrum.re[place.bin];
            const float im = is_backwards ? -spectrum.im[place.bin] : spectrum.im[place.bin];
            values.re(value_hop, channel)[line] = re * factor_re - im * factor_im;
            values.im(value_hop, channel)[line] = re * factor_im + im * factor_re;
        }
    }
}

}  // namespace hushgate
