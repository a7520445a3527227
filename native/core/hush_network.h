// The hush network, one frame at a time. training/models/hush.py has the idea and the sources,
// engine/native/numpy_network.py the same steps in numpy.
#pragma once

#include <memory>

#include "buffer.h"
#include "kernels.h"
#include "network_weights.h"

namespace hushgate {

// What a network remembers from frame to frame, for one channel: one array, so that the states of several
// channels can be averaged.
class NetworkState {
public:
    explicit NetworkState(const NetworkConfig& config);

    void clear() { values.clear(); }
    float* block(int index) { return values.data() + index * block_size_; }
    float* presence_hidden() { return block(num_blocks_); }
    float* recent_logits() { return presence_hidden() + padded(kPresenceWidth); }
    float* upper_hidden() { return recent_logits() + kPadding; }
    bool is_finite() const;

    Buffer values;

private:
    int num_blocks_;
    std::size_t block_size_;
};

// Masks of one frame.
struct Mask {
    Spectrum bins;
    Buffer upper_gain;  // of each band above the bins
    float presence = 0.0f;

    explicit Mask(const NetworkConfig& config);
    // True when all values are finite and in the range of a mask.
    bool is_mask() const;
    void clear();
};

// Computes masks. Holds buffers and no sound: one object serves all channels of a stream, one after the other.
class HushNetwork {
public:
    HushNetwork(std::shared_ptr<const NetworkWeights> weights, const Kernels& kernels);

    // Computes the mask of the next frame of a channel.
    //   spectrum: num_bins bins.
    //   levels: two values for each band above, mean power and 1, both 0 where it is unknown; null without.
    void run(const Spectrum& spectrum, const float* levels, NetworkState& state, Mask& mask) noexcept;

private:
    float* rows(Buffer& patches) { return patches.data() + channels_; }
    void multiply(const Product& product, const float* a, int rows, float* c, bool is_added = false) noexcept;
    void over_three_patches(const Product& product, const Buffer& patches, float* c) noexcept;
    void residual_layer(const Product& product) noexcept;
    void encode(const Spectrum& spectrum) noexcept;
    void run_block(const Block& block, float* hidden) noexcept;
    void attend(const Block& block) noexcept;
    const float* run_head(const Head& head, int narrow, int width, int extra, float* hidden) noexcept;
    float presence_logit(NetworkState& state) noexcept;
    void upper_gains(const float* levels, NetworkState& state, Mask& mask) noexcept;
    void decode(Mask& mask) noexcept;
    void settle(Mask& mask) noexcept;
    float continue_above(Mask& mask) noexcept;

    std::shared_ptr<const NetworkWeights> weights_;
    const Kernels& kernels_;
    const NetworkConfig& config_;
    int channels_, width_, head_size_;  // filled up to whole vectors

    Buffer power_, scaled_re_, scaled_im_, magnitude_, passed_;
    Buffer features_;  // a patch of zeros, patches of 3 x stride values, a patch of zeros
    Buffer patches_;   // a row of zeros, patches of channels, a row of zeros
    Buffer layer_;     // patches of channels
    Buffer joined_;    // patches of twice the channels: from the bands, and from before the squeeze
    Buffer squeezed_;  // bands of channels
    Buffer bands_;     // bands of width
    Buffer given_, own_, heads_, keys_, scores_, mixed_;
    Buffer below_, gathered_, answer_;
    Buffer decoded_;  // patches of 2 x stride, filled up
};

}  // namespace hushgate
