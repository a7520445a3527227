// The weights of a hush network as the kernels want them: rows filled up with zeros to whole vectors.
#pragma once

#include <vector>

#include "buffer.h"
#include "weights_file.h"

namespace hushgate {

// An axis of `count` groups of `size` values, each group filled up to whole vectors.
struct Axis {
    int count, size;

    int length() const { return count * size; }
    int padded_length() const { return count * padded(size); }
    int position(int index) const { return index / size * padded(size) + index % size; }
};

// A product of rows with a matrix (depth, columns), and its bias.
struct Product {
    int depth = 0, columns = 0;
    Buffer weight, bias;
};

// Products of the input and of the state of a GRU: update, reset and candidate side by side.
struct Recurrence {
    Product input, hidden;
};

struct Block {
    Recurrence gru;
    Product time_out, query_key_value, band_out;
};

// A head: what the blocks give, narrowed, gathered over all bands, followed over time, and answered.
struct Head {
    Product narrow, gather, answer;
    Recurrence gru;
};

// Widths of the heads; see training/models/presence.py and upper_head.py.
constexpr int kPresenceChannels = 12, kPresenceWidth = 24;
constexpr int kUpperChannels = 8, kUpperWidth = 48;

struct NetworkWeights {
    // Throws WeightsError when the file's weights are not those of its configuration.
    explicit NetworkWeights(WeightsFile& file);

    NetworkConfig config;
    Product encode, widen, narrow, join, decode;
    std::vector<Product> down, up;
    Buffer squeeze;        // (bands, patches)
    Buffer band_position;  // (bands, band_channels)
    Buffer expand;         // (patches, bands)
    std::vector<Block> blocks;
    Head presence, upper;
};

}  // namespace hushgate
