#include "network_weights.h"

#include <cmath>

namespace hushgate {

namespace {

class Packer {
public:
    explicit Packer(WeightsFile& file) : file_(file) {}

    // A product between two axes. `extra` rows at its end belong to inputs that are not filled up.
    Product product(Axis in, Axis out, int extra = 0) {
        Product result;
        result.depth = in.padded_length() + extra;
        result.columns = out.padded_length();
        const std::vector<float> weight = file_.take(std::size_t(in.length() + extra) * out.length());
        const std::vector<float> bias = file_.take(out.length());
        result.weight = Buffer(std::size_t(result.depth) * result.columns);
        result.bias = Buffer(result.columns);
        for (int row = 0; row < in.length() + extra; ++row) {
            const int to = row < in.length() ? in.position(row) : in.padded_length() + row - in.length();
            for (int column = 0; column < out.length(); ++column)
                result.weight[std::size_t(to) * result.columns + out.position(column)] =
                    weight[std::size_t(row) * out.length() + column];
        }
        for (int column = 0; column < out.length(); ++column) result.bias[out.position(column)] = bias[column];
        return result;
    }

    Recurrence recurrence(int width) {
        Recurrence result;
        result.input = product({1, width}, {3, width});
        result.hidden = product({1, width}, {3, width});
        return result;
    }

    Head head(int bands, int width, int narrow, int gathered, int extra, int answers) {
        Head result;
        result.narrow = product({1, width}, {1, narrow});
        result.gather = product({bands, narrow}, {1, gathered}, extra);
        result.gru = recurrence(gathered);
        result.answer = product({1, gathered}, {1, answers});
        return result;
    }

    // A matrix whose columns are filled up to whole vectors, or not.
    Buffer matrix(int rows, int columns, int row_length) {
        const std::vector<float> values = file_.take(std::size_t(rows) * columns);
        Buffer result(std::size_t(rows) * row_length);
        for (int row = 0; row < rows; ++row)
            for (int column = 0; column < columns; ++column)
                result[std::size_t(row) * row_length + column] = values[std::size_t(row) * columns + column];
        return result;
    }

private:
    WeightsFile& file_;
};

// Attention divides its scores by the root of a head's size; the queries can carry that factor.
void scale_queries(Product& product, int queries, float factor) {
    for (int row = 0; row < product.depth; ++row)
        for (int column = 0; column < queries; ++column)
            product.weight[std::size_t(row) * product.columns + column] *= factor;
    for (int column = 0; column < queries; ++column) product.bias[column] *= factor;
}

}  // namespace

NetworkWeights::NetworkWeights(WeightsFile& file) : config(file.config()) {
    Packer packer(file);
    const int channels = config.channels, width = config.band_channels, patches = config.num_patches();
    const int head_size = width / config.num_heads;
    const Axis three_patches{3, channels};

    // Features are not filled up: three values for each bin of three patches.
    encode = packer.product({0, 1}, {1, channels}, 9 * config.stride);
    for (int index = 0; index < config.num_layers; ++index)
        down.push_back(packer.product(three_patches, {1, channels}));
    squeeze = packer.matrix(config.bands, patches, patches);
    widen = packer.product({1, channels}, {1, width});
    band_position = packer.matrix(config.bands, width, padded(width));
    for (int index = 0; index < config.num_blocks; ++index) {
        Block block;
        block.gru = packer.recurrence(width);
        block.time_out = packer.product({1, width}, {1, width});
        block.query_key_value = packer.product({1, width}, {3 * config.num_heads, head_size});
        scale_queries(block.query_key_value, config.num_heads * padded(head_size),
                      1.0f / std::sqrt(static_cast<float>(head_size)));
        block.band_out = packer.product({config.num_heads, head_size}, {1, width});
        blocks.push_back(std::move(block));
    }
    if (config.presence)
        presence = packer.head(config.bands, width, kPresenceChannels, kPresenceWidth, 0, 1);
    if (config.num_upper() > 0)
        upper = packer.head(config.bands, width, kUpperChannels, kUpperWidth, 2 * config.num_upper(),
                            config.num_upper());
    narrow = packer.product({1, width}, {1, channels});
    expand = packer.matrix(patches, config.bands, config.bands);
    join = packer.product({2, channels}, {1, channels});
    for (int index = 0; index < config.num_layers; ++index)
        up.push_back(packer.product(three_patches, {1, channels}));
    decode = packer.product(three_patches, {1, 2 * config.stride});
    file.check_end();
}

}  // namespace hushgate
