#include "hum_canceller.h"

#include <algorithm>
#include <cmath>

namespace hushgate {

namespace {

constexpr double kTurn = 2.0 * 3.141592653589793238462643383279502884;
// Between two searches.
constexpr int kSearchHops = 10;
// Of the waveform of a hop; amplitudes move from one to the next.
constexpr int kMostRows = 24;
// Changes of frequency that a row's samples are computed anew for, Hz: less is 0.005 rad at most.
constexpr double kLeastChangeHz = 2e-3;
}  // namespace

HumCanceller::HumCanceller(double sample_rate, int num_channels, const Kernels& kernels)
    : sample_rate_(sample_rate),
      num_channels_(num_channels),
      kernels_(kernels),
      lines_(sample_rate, kernels),
      history_(kHistoryHops, num_channels, lines_.num_bins()),
      search_(lines_, num_channels, kernels),
      tracker_(lines_, num_channels),
      beginning_(lines_, num_channels) {
    const int size = lines_.hop_size(), most_lines = lines_.most_lines();
    row_ = (size + kMostRows - 1) / kMostRows;
    num_rows_ = (size + row_ - 1) / row_;
    for (int channel = 0; channel < num_channels; ++channel) {
        hop_.emplace_back(lines_.num_preceding() + size);
        frame_.emplace_back(2 * lines_.low_hop_size());
        waveform_.emplace_back(num_rows_ * row_);
    }
    orders_.reserve(most_lines);
    column_orders_.reserve(most_lines);
    columns_ = Spectrum(std::size_t(most_lines) * padded(row_));
    starts_ = Spectrum(std::size_t(num_rows_) * padded(most_lines));
    products_ = Buffer(std::size_t(num_rows_) * padded(row_));
    for (std::vector<double>* values : {&turned_re_, &turned_im_, &steps_re_, &steps_im_})
        values->resize(most_lines);
}

void HumCanceller::reset() noexcept {
    for (Buffer& hop : hop_) hop.clear();
    for (Buffer& frame : frame_) frame.clear();
    num_hops_ = filled_ = 0;
    has_tracker_ = has_beginning_ = has_waveform_ = is_ahead_ = false;
    learnt_.reset();
    num_vain_ = 0;
    column_orders_.clear();
    columns_hz_ = 0.0;
}

void HumCanceller::advance(int count) noexcept {
    filled_ += count;
    if (filled_ == lines_.hop_size()) {
        filled_ = 0;
        finish_hop();
    }
}

void HumCanceller::learn() {
    reset();
    learnt_ = std::make_unique<SpectraHistory>(kMostLearntHops, num_channels_, lines_.num_bins());
}

void HumCanceller::rewind() noexcept {
    if (is_ahead_) beginning_.take_up(tracker_);
    const bool is_known = has_beginning_;
    const int num_vain = num_vain_;
    reset();
    num_vain_ = num_vain;
    if (!is_known) return;
    has_beginning_ = has_tracker_ = true;
    tracker_.copy_from(beginning_);
    set_waveform();
}

void HumCanceller::finish_hop() noexcept {
    const int half = lines_.low_hop_size(), kept = lines_.num_preceding();
    history_.advance();
    for (int channel = 0; channel < num_channels_; ++channel) {
        float *hop = hop_[channel].data(), *frame = frame_[channel].data();
        std::copy_n(frame + half, half, frame);
        lines_.to_low_rate(hop, frame + half);
        std::copy_n(hop + lines_.hop_size(), kept, hop);
        lines_.of_frame(frame, history_.at(kHistoryHops - 1, channel));
    }
    ++num_hops_;
    if (learnt_ != nullptr) {
        learnt_->advance();
        for (int channel = 0; channel < num_channels_; ++channel) {
            const Spectrum& spectrum = history_.at(kHistoryHops - 1, channel);
            Spectrum& learnt = learnt_->at(kMostLearntHops - 1, channel);
            std::copy_n(spectrum.re.data(), lines_.num_bins(), learnt.re.data());
            std::copy_n(spectrum.im.data(), lines_.num_bins(), learnt.im.data());
        }
    }
    if (has_tracker_) {
        // After `rewind` half of the first frame precedes the recording.
        if (num_hops_ == 1) {
            tracker_.coast();
        } else {
            tracker_.step(history_);
        }
    } else if (num_hops_ >= std::max(kHistoryHops, num_vain_ + 1) && num_hops_ % kSearchHops == 0) {
        find();
    }
    has_waveform_ = has_tracker_ && learnt_ == nullptr;
    if (!has_tracker_) return;
    if (has_waveform_) set_waveform();
    if (tracker_.is_lost()) has_tracker_ = is_ahead_ = false;
}

// Looks for hum in the last 8 s.
void HumCanceller::find() noexcept {
    HumPath path;
    has_tracker_ = search_.find(history_, path);
    if (!has_tracker_) {
        num_vain_ = learnt_ != nullptr ? num_hops_ : 0;
        return;
    }
    tracker_.begin(search_, path, history_);
    if (learnt_ == nullptr || has_beginning_) return;
    beginning_.begin_at_first(search_, path, history_, *learnt_, num_hops_);
    has_beginning_ = is_ahead_ = !beginning_.is_lost();
}

// The hum of the next hop; amplitudes move in small steps from the last hop's to its own.
void HumCanceller::set_waveform() noexcept {
    has_waveform_ = true;
    orders_.clear();
    for (int line = 0; line < tracker_.num_lines(); ++line) {
        bool is_sounding = false;
        for (int channel = 0; channel < num_channels_; ++channel)
            for (const LineValues* values : {&tracker_.before(), &tracker_.after()})
                is_sounding |= values->re(0, channel)[line] != 0.0f || values->im(0, channel)[line] != 0.0f;
        if (is_sounding) orders_.push_back(line + 1);
    }
    const double turn = kTurn * tracker_.frequency_hz() / sample_rate_;
    if (orders_ != column_orders_ || std::fabs(tracker_.frequency_hz() - columns_hz_) > kLeastChangeHz) {
        column_orders_ = orders_;
        columns_hz_ = tracker_.frequency_hz();
        set_columns(turn);
    }
    const int size = lines_.hop_size(), depth = int(orders_.size()), places = padded(row_);
    const int stride = padded(std::max(1, depth));
    for (int channel = 0; channel < num_channels_; ++channel) {
        const float *before_re = tracker_.before().re(0, channel), *before_im = tracker_.before().im(0, channel);
        const float *after_re = tracker_.after().re(0, channel), *after_im = tracker_.after().im(0, channel);
        for (int row = 0; row < num_rows_; ++row) {
            const float moved = float(row * row_) / float(size);
            // The last frame's middle is a hop before the next sample.
            const double phase = tracker_.phase() + turn * (size + row * row_);
            const double step_re = std::cos(phase), step_im = std::sin(phase);
            double re = 1.0, im = 0.0;
            int order = 0;
            for (int at = 0; at < depth; ++at) {
                for (; order < orders_[at]; ++order) {
                    const double was = re;
                    re = re * step_re - im * step_im;
                    im = im * step_re + was * step_im;
                }
                const int line = orders_[at] - 1;
                const float own_re = before_re[line] + (after_re[line] - before_re[line]) * moved;
                const float own_im = before_im[line] + (after_im[line] - before_im[line]) * moved;
                starts_.re[row * stride + at] = own_re * float(re) - own_im * float(im);
                starts_.im[row * stride + at] = own_re * float(im) + own_im * float(re);
            }
        }
        kernels_.product(starts_.re.data(), stride, num_rows_, depth, columns_.re.data(), places, places, nullptr,
                         products_.data(), places, false);
        kernels_.product(starts_.im.data(), stride, num_rows_, depth, columns_.im.data(), places, places, nullptr,
                         products_.data(), places, true);
        for (int row = 0; row < num_rows_; ++row)
            std::copy_n(products_.data() + row * places, row_, waveform_[channel].data() + row * row_);
    }
}

void HumCanceller::set_columns(double turn) noexcept {
    const int depth = int(orders_.size()), places = padded(row_);
    for (int at = 0; at < depth; ++at) {
        turned_re_[at] = 1.0;
        turned_im_[at] = 0.0;
        steps_re_[at] = std::cos(orders_[at] * turn);
        steps_im_[at] = std::sin(orders_[at] * turn);
    }
    for (int place = 0; place < row_; ++place) {
        for (int at = 0; at < depth; ++at) {
            const double re = turned_re_[at], im = turned_im_[at];
            columns_.re[std::size_t(at) * places + place] = float(re);
            columns_.im[std::size_t(at) * places + place] = float(-im);
            turned_re_[at] = re * steps_re_[at] - im * steps_im_[at];
            turned_im_[at] = re * steps_im_[at] + im * steps_re_[at];
        }
    }
}

}  // namespace hushgate
