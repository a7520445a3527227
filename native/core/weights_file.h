// Weights files (.hush): the configuration and the weights of a hush network. docs/model-file.md has the layout.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace hushgate {

// A weights file that cannot be used; the message says why.
class WeightsError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// Sizes and framing of a network; names, units and meaning as in engine/native/network_config.py.
struct NetworkConfig {
    std::string name;
    double frame_ms, relief_db, upper_relief_db, upper_top_hz;
    int overlap, num_bins, stride, channels, num_layers, bands, band_channels, num_blocks, num_heads;
    int upper_from_bin;
    bool silent_pauses, presence, steady_noise, silent_upper_pauses;
    std::vector<double> upper_edges_hz;

    int num_patches() const { return num_bins / stride; }
    int num_upper() const { return static_cast<int>(upper_edges_hz.size()); }
};

// Reads a file once, from its beginning to its end. The bytes must outlive it.
class WeightsFile {
public:
    // Reads and checks the configuration and the checksum.
    WeightsFile(const void* bytes, std::size_t size);

    const NetworkConfig& config() const { return config_; }

    // The next `count` weights. Throws when the file has fewer, or one is not finite.
    std::vector<float> take(std::size_t count);

    // Throws when weights are left.
    void check_end() const;

private:
    const std::uint8_t* at_;
    const std::uint8_t* end_;
    NetworkConfig config_;
};

}  // namespace hushgate
