#include "weights_file.h"

#include <cmath>
#include <cstring>

namespace hushgate {

namespace {

constexpr char kMagic[] = "hushgate";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kChecksumAt = 12, kBodyAt = 16, kNameBytes = 64, kEdgesAt = 160;
constexpr int kMaxUpperBands = 32;
constexpr int kSilentPauses = 1, kPresence = 2, kSteadyNoise = 4, kSilentUpperPauses = 8;

template <typename T>
T read(const std::uint8_t* from) {
    static_assert(sizeof(float) == 4 && sizeof(double) == 8, "IEEE 754");
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "weights files are little-endian, and so must the processor be"
#endif
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

// The CRC-32 of zlib.
std::uint32_t checksum(const std::uint8_t* from, const std::uint8_t* end) {
    std::uint32_t table[256];
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t value = byte;
        for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0xEDB88320u : 0);
        table[byte] = value;
    }
    std::uint32_t crc = 0xFFFFFFFFu;
    for (; from != end; ++from) crc = table[(crc ^ *from) & 0xFF] ^ (crc >> 8);
    return ~crc;
}

struct Reader {
    const std::uint8_t* at;

    double number(const char* name, double least, double most) {
        const double value = read<double>(at);
        at += sizeof value;
        if (!(value >= least && value <= most)) fail(name);
        return value;
    }

    int whole(const char* name, int least, int most) {
        const std::int32_t value = read<std::int32_t>(at);
        at += sizeof value;
        if (value < least || value > most) fail(name);
        return value;
    }

    [[noreturn]] static void fail(const char* name) {
        throw WeightsError(std::string("its ") + name + " is out of range");
    }
};

}  // namespace

WeightsFile::WeightsFile(const void* bytes, std::size_t size)
    : at_(static_cast<const std::uint8_t*>(bytes)), end_(at_ + size) {
    if (size < 8 || std::memcmp(at_, kMagic, 8) != 0) throw WeightsError("it is no weights file");
    if (size < kEdgesAt) throw WeightsError("it is cut short");
    const std::uint32_t version = read<std::uint32_t>(at_ + 8);
    if (version != kVersion)
        throw WeightsError("it has version " + std::to_string(version) + " (this library reads " +
                           std::to_string(kVersion) + ")");
    if (read<std::uint32_t>(at_ + kChecksumAt) != checksum(at_ + kBodyAt, end_))
        throw WeightsError("it is damaged: its checksum differs");
    const char* name = reinterpret_cast<const char*>(at_ + kBodyAt);
    config_.name.assign(name, strnlen(name, kNameBytes));

    Reader reader{at_ + kBodyAt + kNameBytes};
    config_.frame_ms = reader.number("frame_ms", 1.0, 1000.0);
    config_.relief_db = reader.number("relief_db", 0.0, 20.0);
    config_.upper_relief_db = reader.number("upper_relief_db", 0.0, 20.0);
    config_.upper_top_hz = reader.number("upper_top_hz", -1e9, 1e9);
    config_.overlap = reader.whole("overlap", 2, 64);
    config_.num_bins = reader.whole("num_bins", 2, 1 << 14);
    config_.stride = reader.whole("stride", 1, 64);
    config_.channels = reader.whole("channels", 1, 512);
    config_.num_layers = reader.whole("num_layers", 0, 16);
    config_.bands = reader.whole("bands", 1, 256);
    config_.band_channels = reader.whole("band_channels", 1, 512);
    config_.num_blocks = reader.whole("num_blocks", 0, 16);
    config_.num_heads = reader.whole("num_heads", 1, 64);
    config_.upper_from_bin = reader.whole("upper_from_bin", 0, 1 << 14);
    const int flags = reader.whole("flags", 0, kSilentPauses | kPresence | kSteadyNoise | kSilentUpperPauses);
    config_.silent_pauses = (flags & kSilentPauses) != 0;
    config_.presence = (flags & kPresence) != 0;
    config_.steady_noise = (flags & kSteadyNoise) != 0;
    config_.silent_upper_pauses = (flags & kSilentUpperPauses) != 0;
    if (config_.num_bins % config_.stride != 0) Reader::fail("stride");
    if (config_.band_channels % config_.num_heads != 0) Reader::fail("num_heads");
    if (config_.upper_from_bin >= config_.num_bins - config_.stride) Reader::fail("upper_from_bin");
    if (config_.silent_upper_pauses && config_.upper_from_bin == 0) Reader::fail("upper_from_bin");
    const int num_upper = reader.whole("number of bands above", 0, kMaxUpperBands);
    if (end_ - reader.at < static_cast<std::ptrdiff_t>(num_upper * sizeof(double)))
        throw WeightsError("it is cut short");
    double lowest = 0.0;
    for (int band = 0; band < num_upper; ++band) {
        config_.upper_edges_hz.push_back(reader.number("upper_edges_hz", lowest, 1e9));
        lowest = std::nextafter(config_.upper_edges_hz.back(), 1e10);
    }
    if (num_upper > 0 && !(config_.upper_top_hz > config_.upper_edges_hz.back())) Reader::fail("upper_top_hz");
    at_ = reader.at;
}

std::vector<float> WeightsFile::take(std::size_t count) {
    if (static_cast<std::size_t>(end_ - at_) / sizeof(float) < count) throw WeightsError("it is cut short");
    std::vector<float> values(count);
    if (count != 0) std::memcpy(values.data(), at_, count * sizeof(float));
    at_ += count * sizeof(float);
    for (const float value : values)
        if (!std::isfinite(value)) throw WeightsError("a weight is not finite");
    return values;
}

void WeightsFile::check_end() const {
    if (at_ != end_) throw WeightsError("it is longer than its configuration says");
}

}  // namespace hushgate
