// Counts allocations while sound runs, and refuses those of `prepare` one by one: `allocations FILE.hush`. Fails on
// the first one inside `process`, and where a `prepare` without memory changes anything.
// Every way to memory ends in the functions that this file replaces (glibc).

#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <vector>

#include "hushgate.h"

namespace {
std::atomic<long> num_allocations{0};
long num_until_refused = -1;  // negative: none is refused

bool is_refused() {
    ++num_allocations;
    return num_until_refused >= 0 && num_until_refused-- == 0;
}
}  // namespace

extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);

void* malloc(std::size_t size) { return is_refused() ? nullptr : __libc_malloc(size); }
void* calloc(std::size_t count, std::size_t size) { return is_refused() ? nullptr : __libc_calloc(count, size); }
void* realloc(void* memory, std::size_t size) { return is_refused() ? nullptr : __libc_realloc(memory, size); }
void* aligned_alloc(std::size_t alignment, std::size_t size) {
    return is_refused() ? nullptr : __libc_memalign(alignment, size);
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
    *memory = is_refused() ? nullptr : __libc_memalign(alignment, size);
    return *memory == nullptr;
}
}

namespace {

// Prepares for another format with the first allocation refused, then the second, until none is. Returns how often
// it failed; -1 where the sound then differs from that of a denoiser that nothing happened to.
long refuse_allocations(const hushgate_model* model) {
    hushgate_denoiser* denoisers[] = {hushgate_new(model, nullptr), hushgate_new(model, nullptr)};
    for (hushgate_denoiser* denoiser : denoisers) {
        hushgate_set(denoiser, 0, 0.5);  // the dry path is heard too
        hushgate_prepare(denoiser, 48000.0, 2);
    }
    long num_failed = 0;
    unsigned random = 1;
    bool is_same = true;
    for (;; ++num_failed) {
        num_until_refused = num_failed;
        const int status = hushgate_prepare(denoisers[0], 96000.0, 4);
        num_until_refused = -1;
        if (status == 0 || !is_same) break;
        float rows[2][2][480], *channels[2][2];
        for (int channel = 0; channel < 2; ++channel) {
            for (int at = 0; at < 480; ++at) {
                random = random * 1664525u + 1013904223u;
                rows[0][channel][at] = rows[1][channel][at] = float(random >> 16) / 65536.0f - 0.5f;
            }
            for (int which = 0; which < 2; ++which) channels[which][channel] = rows[which][channel];
        }
        for (int which = 0; which < 2; ++which) hushgate_process(denoisers[which], channels[which], channels[which], 480);
        is_same = std::memcmp(rows[0], rows[1], sizeof rows[0]) == 0 &&
                  hushgate_latency(denoisers[0]) == hushgate_latency(denoisers[1]);
    }
    for (hushgate_denoiser* denoiser : denoisers) hushgate_free(denoiser);
    return is_same ? num_failed : -1;
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 2) return 2;
    std::ifstream file(arguments[1], std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    char message[256] = "";
    hushgate_model* model = hushgate_model_read(bytes.data(), bytes.size(), message, sizeof message);
    if (model == nullptr) {
        std::printf("%s\n", message);
        return 2;
    }
    hushgate_denoiser* denoiser = hushgate_new(model, nullptr);
    hushgate_prepare(denoiser, 48000.0, 2);
    std::vector<float> left(1000), right(1000);
    float* channels[] = {left.data(), right.data()};
    const long before = num_allocations;
    long inside = 0;
    unsigned random = 1;
    constexpr double kHumTurn = 6.283185307179586 * 50.0 / 48000.0;
    long num_samples = 0;
    double hum_hz = 0.0;
    for (int block = 0; block < 1100; ++block) {
        for (std::size_t at = 0; at < left.size(); ++at) {
            random = random * 1664525u + 1013904223u;
            left[at] = float(random >> 16) / 65536.0f - 0.5f;
            right[at] = 0.3f * left[at] + 0.1f * std::sin(0.1f * float(at));
            left[at] = 0.01f * left[at] + 0.2f * float(std::sin(kHumTurn * double(num_samples++)));
        }
        if (block % 50 == 49) left[0] = std::numeric_limits<float>::quiet_NaN();
        const long start = num_allocations;
        // From block 400 on the hum is left alone until it is found, and for a second more.
        if (block < 400) {
            const int parameter = block % 12;
            hushgate_set(denoiser, parameter, block % 2 == 0 ? hushgate_parameter_default(parameter) : parameter >= 10 ? 1.0 : 0.5);
            if (block % 7 == 0) hushgate_set(denoiser, 3, -40.0);
            if (block % 100 == 99) hushgate_reset(denoiser);
        }
        if (block == 400) hushgate_set(denoiser, 2, 40.0);
        hushgate_process(denoiser, channels, channels, block < 400 ? 1 + block % 1000 : 1000);
        hum_hz = hushgate_hum_frequency(denoiser);
        hushgate_meters meters;
        hushgate_read_meters(denoiser, &meters);
        inside += num_allocations - start;
    }
    hushgate_free(denoiser);
    const long num_failed = refuse_allocations(model);
    hushgate_model_free(model);
    if (std::fabs(hum_hz - 50.0) > 0.1) inside = -1;  // never looked for
    std::printf("allocations in process: %ld, before: %ld\n", inside, before);
    std::printf("prepared without memory: %ld\n", num_failed);
    return inside == 0 && num_failed > 0 ? 0 : 1;
}
