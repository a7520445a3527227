// The short-time Fourier transform around a network, for blocks of any size (engine/spectral_stream.py).
#pragma once

#include <memory>
#include <vector>

#include "fft.h"
#include "mask_runner.h"

namespace hushgate {

// Frames of a stream: cut, transformed, masked and overlapped again, one frame at a time.
class SpectralStream {
public:
    SpectralStream(std::shared_ptr<const NetworkWeights> weights, const Kernels& kernels, double sample_rate,
                   int num_channels);

    int frame_size() const { return size_; }
    int hop_size() const { return hop_; }
    // Samples until the next frame is complete, 1 or more.
    int num_missing() const { return hop_ - pending_; }
    MaskRunner& masks() { return masks_; }
    const MaskRunner& masks() const { return masks_; }
    const std::vector<Spectrum>& noisy() const { return noisy_; }
    std::vector<Spectrum>& target() { return target_; }

    void reset() noexcept;

    // Takes the next samples of a channel, at most `num_missing`, and gives as many finished ones.
    void exchange(int channel, const float* in, float* out, int count) noexcept;
    // Ends an exchange of all channels. True when a frame is complete: then follow `analyse` and `synthesize`.
    bool advance(int count) noexcept;
    // Computes `noisy`, and `target` under the mask.
    void analyse(bool is_linked) noexcept;
    // Turns `target` into finished samples.
    void synthesize() noexcept;

private:
    int size_, hop_, num_channels_;
    int pending_ = 0;
    Fft fft_;
    MaskRunner masks_;
    Buffer analysis_, synthesis_, frame_;
    std::vector<Buffer> input_;     // the last frame of each channel, its last hop not yet complete
    std::vector<Buffer> sums_;      // open sums of frames that overlap
    std::vector<Buffer> finished_;  // a hop
    std::vector<Spectrum> noisy_, target_;
};

}  // namespace hushgate
