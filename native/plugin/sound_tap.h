// The last seconds of sound for the window: written by the audio thread, read by the window's, without a lock.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace hushgate_plugin {

class SoundTap {
public:
    static constexpr std::size_t kSize = 1 << 16;

    // Samples that come in, the mean of the channels. Before `write_output`, for hosts process in place.
    void write_input(const float* const* channels, int num_channels, uint32_t num_samples) noexcept {
        write(input_, channels, num_channels, num_samples);
    }

    // Samples that went out; as many as came in.
    void write_output(const float* const* channels, int num_channels, uint32_t num_samples) noexcept {
        write(output_, channels, num_channels, num_samples);
        position_.store(position_.load(std::memory_order_relaxed) + num_samples, std::memory_order_release);
    }

    // The last `count` samples out, and the samples in that became them `latency` later.
    void read(std::size_t count, std::size_t latency, float* input, float* output) const noexcept {
        const uint64_t end = position_.load(std::memory_order_acquire) + kSize;
        for (std::size_t at = 0; at < count; ++at) {
            output[at] = output_[(end - count + at) % kSize].load(std::memory_order_relaxed);
            input[at] = input_[(end - count - latency + at) % kSize].load(std::memory_order_relaxed);
        }
    }

private:
    void write(std::atomic<float>* row, const float* const* channels, int num_channels,
               uint32_t num_samples) noexcept {
        const uint64_t begin = position_.load(std::memory_order_relaxed);
        for (uint32_t at = 0; at < num_samples; ++at) {
            float sum = 0.0f;
            for (int channel = 0; channel < num_channels; ++channel) sum += channels[channel][at];
            row[(begin + at) % kSize].store(sum / float(num_channels), std::memory_order_relaxed);
        }
    }

    std::atomic<float> input_[kSize] = {}, output_[kSize] = {};
    std::atomic<uint64_t> position_{0};
};

}  // namespace hushgate_plugin
