// Random use of the core, to run under sanitizers: `stress SECONDS SEED FILE.hush ...`.
//
// Streams of random rates, channels, kernels, blocks, settings and sounds, some of them faulty; and damaged
// weights files with checksums that fit. Fails where the output is not finite. The same seed gives the same run.

#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "hushgate.h"

namespace {

using Random = std::mt19937_64;
using Bytes = std::vector<char>;

int between(Random& random, int least, int most) { return std::uniform_int_distribution<int>(least, most)(random); }
double share(Random& random) { return std::uniform_real_distribution<double>(0.0, 1.0)(random); }

[[noreturn]] void fail(const std::string& what) {
    std::printf("stress: %s\n", what.c_str());
    std::exit(1);
}

struct Range {
    const char* name;
    double least, most, special;
};
constexpr double kInfinity = std::numeric_limits<double>::infinity();
const Range kRanges[] = {
    {"mix", 0, 1, 1},           {"attenuation_limit_db", 0, 120, kInfinity}, {"hum_reduction_db", 0, 60, 40}, {"gate_threshold_db", -100, 0, -kInfinity},
    {"gate_floor_db", -120, 0, -80}, {"gate_hysteresis_db", 0, 40, 0},       {"attack_ms", 0, 1000, 0},
    {"hold_ms", 0, 5000, 0},    {"release_ms", 0, 5000, 0},                  {"presence_db", -60, 60, -60},
    {"output", 0, 1, 1},        {"channel_link", 0, 1, 1},
};

void set_something(Random& random, hushgate_denoiser* denoiser) {
    int parameter = 0;
    while (hushgate_parameter_name(parameter) != nullptr && between(random, 0, 5) != 0) ++parameter;
    const char* name = hushgate_parameter_name(parameter);
    if (name == nullptr) return;
    for (const Range& range : kRanges) {
        if (std::strcmp(range.name, name) != 0) continue;
        double value = range.least + share(random) * (range.most - range.least);
        if (range.most == 1 && range.least == 0 && range.name[0] != 'm') value = std::round(value);
        hushgate_set(denoiser, parameter, between(random, 0, 3) == 0 ? range.special : value);
        return;
    }
    hushgate_set(denoiser, parameter, hushgate_parameter_default(parameter));
}

// A block of noise, silence, a constant, tiny numbers, clipping, or faulty samples.
void make_sound(Random& random, std::vector<float>& samples) {
    const int kind = between(random, 0, 7);
    const double level = std::pow(10.0, -6.0 * share(random));
    std::normal_distribution<float> noise(0.0f, 1.0f);
    for (float& sample : samples) {
        switch (kind) {
            case 0: sample = 0.0f; break;
            case 1: sample = 0.5f; break;
            case 2: sample = 1e-40f * noise(random); break;
            case 3: sample = 1e9f * noise(random); break;
            default: sample = float(level) * noise(random);
        }
    }
    if (kind == 4) {
        const float faults[] = {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                                -std::numeric_limits<float>::infinity(), 3e38f};
        for (const float fault : faults) samples[between(random, 0, int(samples.size()) - 1)] = fault;
    }
}

// A beginning of up to 9 s (at 48 kHz) that hums.
void begin_with_hum(Random& random, hushgate_denoiser* denoiser, int num_channels) {
    const int size = between(random, 0, 9 * 48000);
    const double turn = 6.283185307179586 * (between(random, 0, 1) ? 50.0 : 60.0) / 48000.0;
    std::normal_distribution<float> noise(0.0f, 0.001f);
    std::vector<float> rows(std::size_t(size) * num_channels);
    for (std::size_t at = 0; at < rows.size(); ++at)
        rows[at] = 0.1f * float(std::sin(turn * double(at % std::size_t(size)))) + noise(random);
    if (hushgate_begin(denoiser, rows.data(), size, size, between(random, 0, 1)) != 0) fail("a beginning was refused");
    if (!(hushgate_hum_frequency(denoiser) >= 0.0)) fail("hum has no frequency");
}

hushgate_model* read(const Bytes& bytes) {
    char message[256] = "";
    hushgate_model* model = hushgate_model_read(bytes.data(), bytes.size(), message, sizeof message);
    if (model == nullptr && message[0] == '\0') fail("a file was refused without a reason");
    return model;
}

void stream(Random& random, const hushgate_model* model, int num_blocks) {
    int num_kernels = 0;
    while (hushgate_kernels(num_kernels) != nullptr) ++num_kernels;
    hushgate_denoiser* denoiser = hushgate_new(model, hushgate_kernels(between(random, 0, num_kernels - 1)));
    if (denoiser == nullptr) fail("no denoiser");
    constexpr double kRates[] = {8000, 11025, 16000, 22050, 44100, 48000, 96000, 192000};
    int num_channels = 1;
    for (int block = 0; block < num_blocks; ++block) {
        if (block == 0 || between(random, 0, 40) == 0) {
            const bool is_odd = between(random, 0, 9) == 0;
            const double rate = is_odd ? 1000.0 + 250000.0 * share(random) : kRates[between(random, 0, 7)];
            num_channels = between(random, 0, 9) == 0 ? between(random, 3, 8) : between(random, 1, 2);
            if (hushgate_prepare(denoiser, rate, num_channels) != 0) fail("a format was refused");
        }
        if (hushgate_prepare(denoiser, between(random, 0, 1) ? -1.0 : 2e6, num_channels) == 0) fail("a wild rate");
        if (between(random, 0, 30) == 0) hushgate_reset(denoiser);
        if (between(random, 0, 30) == 0) hushgate_set_bypass(denoiser, between(random, 0, 1));
        if (between(random, 0, 200) == 0) begin_with_hum(random, denoiser, num_channels);
        set_something(random, denoiser);
        const int size = between(random, 0, 3) == 0 ? between(random, 1, 4) : between(random, 1, 2000);
        // Of exactly the size, so that a step beyond the end is seen.
        std::vector<std::vector<float>> in(num_channels), out(num_channels);
        std::vector<const float*> from;
        std::vector<float*> to;
        const bool is_in_place = between(random, 0, 1) == 0;
        for (int channel = 0; channel < num_channels; ++channel) {
            in[channel].resize(size);
            out[channel].resize(size);
            make_sound(random, in[channel]);
            from.push_back(in[channel].data());
            to.push_back(is_in_place ? in[channel].data() : out[channel].data());
        }
        hushgate_process(denoiser, from.data(), to.data(), size);
        for (int channel = 0; channel < num_channels; ++channel)
            for (int at = 0; at < size; ++at)
                if (!std::isfinite(to[channel][at])) fail("a sample is not finite");
        hushgate_meters meters;
        hushgate_gate_levels levels;
        hushgate_read_meters(denoiser, &meters);
        hushgate_read_gate(denoiser, &levels);
        if (!(levels.gain >= 0.0 && levels.gain <= 1.0)) fail("a gain of the gate is out of range");
    }
    hushgate_free(denoiser);
}

std::uint32_t checksum(const char* begin, const char* end) {
    std::uint32_t sum = ~0u;
    for (; begin != end; ++begin) {
        sum ^= std::uint8_t(*begin);
        for (int bit = 0; bit < 8; ++bit) sum = (sum >> 1) ^ (0xEDB88320u & (0u - (sum & 1u)));
    }
    return ~sum;
}

// Damages a weights file, mostly in its head, and makes the checksum fit.
Bytes damaged(Random& random, Bytes bytes) {
    for (int change = between(random, 1, 3); change > 0; --change) {
        const bool is_head = between(random, 0, 3) != 0;
        const int at = between(random, 16, is_head ? 200 : int(bytes.size()) - 5);
        switch (between(random, 0, 3)) {
            case 0: bytes[at] = char(between(random, 0, 255)); break;
            case 1: bytes[at] = char(bytes[at] ^ (1 << between(random, 0, 7))); break;
            case 2: {
                const std::int32_t wild[] = {-1, 0, 1, 2, 255, 65536, 2147483647, int(0x7f800000), int(0x7fc00000)};
                std::memcpy(&bytes[at], &wild[between(random, 0, 8)], 4);
                break;
            }
            default:
                bytes.resize(between(random, 0, 1) ? bytes.size() + 4 * between(random, 1, 8) : std::size_t(at));
        }
        if (bytes.size() < 205) break;
    }
    if (bytes.size() >= 16) {
        const std::uint32_t sum = checksum(bytes.data() + 16, bytes.data() + bytes.size());
        std::memcpy(&bytes[12], &sum, 4);
    }
    return bytes;
}

}  // namespace

int main(int count, char** arguments) {
    if (count < 4) fail("usage: stress SECONDS SEED FILE.hush ...");
    Random random(std::strtoull(arguments[2], nullptr, 10));
    std::vector<Bytes> files;
    std::vector<hushgate_model*> models;
    for (int index = 3; index < count; ++index) {
        std::ifstream file(arguments[index], std::ios::binary);
        files.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
        models.push_back(read(files.back()));
        if (models.back() == nullptr) fail("a shipped model was refused");
    }
    using Clock = std::chrono::steady_clock;
    const Clock::time_point end = Clock::now() + std::chrono::milliseconds(int(1000 * std::atof(arguments[1])));
    int num_streams = 0, num_refused = 0, num_accepted = 0;
    do {
        const int which = between(random, 0, int(files.size()) - 1);
        stream(random, models[which], 60);
        ++num_streams;
        for (int attempt = 0; attempt < 5; ++attempt) {
            hushgate_model* model = read(damaged(random, files[which]));
            if (model == nullptr) {
                ++num_refused;
                continue;
            }
            ++num_accepted;
            stream(random, model, 3);
            hushgate_model_free(model);
        }
    } while (Clock::now() < end);
    for (hushgate_model* model : models) hushgate_model_free(model);
    std::printf("%d streams, %d damaged files refused, %d run\n", num_streams, num_refused, num_accepted);
    return 0;
}
