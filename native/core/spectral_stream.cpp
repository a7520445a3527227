#include "spectral_stream.h"

#include <algorithm>

#include "framing.h"

namespace hushgate {

SpectralStream::SpectralStream(std::shared_ptr<const NetworkWeights> weights, const Kernels& kernels,
                               double sample_rate, int num_channels)
    : size_(frame_size_for(sample_rate, weights->config.frame_ms, weights->config.overlap)),
      hop_(size_ / weights->config.overlap),
      num_channels_(num_channels),
      fft_(size_, kernels),
      masks_(weights, kernels, num_channels, size_ / 2 + 1),
      analysis_(size_),
      synthesis_(size_),
      frame_(size_) {
    // As in engine/spectral_stream.py: windows before and after make copies of their square that add up.
    const Buffer window = analysis_window(size_);
    const double scale = spectrum_scale(window);
    for (int at = 0; at < size_; ++at) {
        analysis_[at] = window[at] * float(scale);
        synthesis_[at] = window[at] * float(2.0 / weights->config.overlap / scale);
    }
    for (int channel = 0; channel < num_channels; ++channel) {
        input_.emplace_back(size_);
        sums_.emplace_back(size_);
        finished_.emplace_back(hop_);
        noisy_.emplace_back(size_ / 2 + 1);
        target_.emplace_back(size_ / 2 + 1);
    }
}

void SpectralStream::reset() noexcept {
    for (std::vector<Buffer>* buffers : {&input_, &sums_, &finished_})
        for (Buffer& buffer : *buffers) buffer.clear();
    masks_.reset();
    pending_ = 0;
}

void SpectralStream::exchange(int channel, const float* in, float* out, int count) noexcept {
    std::copy_n(in, count, input_[channel].data() + size_ - hop_ + pending_);
    std::copy_n(finished_[channel].data() + pending_, count, out);
}

bool SpectralStream::advance(int count) noexcept {
    pending_ += count;
    if (pending_ < hop_) return false;
    pending_ = 0;
    return true;
}

void SpectralStream::analyse(bool is_linked) noexcept {
    for (int channel = 0; channel < num_channels_; ++channel) {
        float* input = input_[channel].data();
        for (int at = 0; at < size_; ++at) frame_[at] = input[at] * analysis_[at];
        fft_.forward(frame_.data(), noisy_[channel]);
        std::copy(input + hop_, input + size_, input);
    }
    masks_.apply(noisy_, target_, is_linked);
}

void SpectralStream::synthesize() noexcept {
    for (int channel = 0; channel < num_channels_; ++channel) {
        fft_.inverse(target_[channel], frame_.data());
        float* sums = sums_[channel].data();
        for (int at = 0; at < size_; ++at) sums[at] += frame_[at] * synthesis_[at];
        std::copy_n(sums, hop_, finished_[channel].data());
        std::copy(sums + hop_, sums + size_, sums);
        std::fill(sums + size_ - hop_, sums + size_, 0.0f);
    }
}

}  // namespace hushgate
