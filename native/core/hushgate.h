/* The C interface of the core. One library for plugins, the web page and Python (through ctypes).
 *
 * A model is read once and may be shared by any number of denoisers, and freed before them. One thread at a time
 * may call prepare, begin, process and reset of a denoiser; set and readings may be called by any thread at any time.
 * process allocates nothing, locks nothing, throws nothing and opens no file. */
#ifndef HUSHGATE_H
#define HUSHGATE_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define HUSHGATE_API __declspec(dllexport)
#else
#define HUSHGATE_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Rises when a function or a structure below changes. */
#define HUSHGATE_INTERFACE 3

typedef struct hushgate_model hushgate_model;
typedef struct hushgate_denoiser hushgate_denoiser;

/* Readings for a host's meters. Energies are sums over the channels of the last frame. */
typedef struct {
    double energy_before, energy_target, energy_after;
    double presence; /* 0 to 1; negative where the model does not estimate it */
    double input_peak, output_peak;
    int64_t num_nonfinite, num_faulty_frames;
} hushgate_meters;

HUSHGATE_API int hushgate_interface(void);
/* Name and default of a parameter, by the numbers of `set`; null and 0 beyond the last. */
HUSHGATE_API const char* hushgate_parameter_name(int parameter);
HUSHGATE_API double hushgate_parameter_default(int parameter);
/* Name of the kernels of rank 0, 1, ... that this processor runs, fastest first; null beyond the last. */
HUSHGATE_API const char* hushgate_kernels(int rank);

/* Reads a weights file from memory, which may be freed afterwards. On failure returns null and writes the
 * reason, zero-terminated, to `message`. */
HUSHGATE_API hushgate_model* hushgate_model_read(const void* bytes, size_t size, char* message,
                                                 size_t message_size);
HUSHGATE_API void hushgate_model_free(hushgate_model* model);

/* Computes masks of frames without the framing, to check a library. Arrays as in docs/model-file.md, format 3,
 * with a batch of 1: spectrum (frames, bins, 2), levels (frames, bands above, 2) or null, mask (frames, bins,
 * 2), upper_gain (frames, bands). The state begins at zero. 0 on success. */
HUSHGATE_API int hushgate_model_run(const hushgate_model* model, const char* kernels, const float* spectrum,
                                    const float* levels, int num_frames, float* mask, float* upper_gain);

/* A denoiser with default settings. `kernels` names the inner loops; null takes the fastest. Null when memory
 * runs out or the kernels are unknown. */
HUSHGATE_API hushgate_denoiser* hushgate_new(const hushgate_model* model, const char* kernels);
HUSHGATE_API void hushgate_free(hushgate_denoiser* denoiser);
HUSHGATE_API const char* hushgate_kernels_of(const hushgate_denoiser* denoiser);

/* Allocates for a format: 1,000 to 1,000,000 Hz, 1 to 256 channels. Keeps nothing of the sound before. 0 on
 * success; otherwise the denoiser is as it was. */
HUSHGATE_API int hushgate_prepare(hushgate_denoiser* denoiser, double sample_rate, int num_channels);
HUSHGATE_API void hushgate_reset(hushgate_denoiser* denoiser);
/* Delay from input to output, samples; 0 before `prepare`. */
HUSHGATE_API int hushgate_latency(const hushgate_denoiser* denoiser);

/* Sets a parameter; moves while sound runs are ramped. Values are not checked for their range here. No
 * attenuation limit is infinity, a gate that is off has the threshold minus infinity, choices count from 0. */
HUSHGATE_API void hushgate_set(hushgate_denoiser* denoiser, int parameter, double value);

/* Passes the input on while it is not 0: as late as ever, in the ramps of settings, and hum and noise are
 * followed meanwhile. */
HUSHGATE_API void hushgate_set_bypass(hushgate_denoiser* denoiser, int is_bypassed);

/* Resets, and begins a recording whose first samples are given, channels one behind the other: 30 s of them or
 * all, those that `process` gets next. Hum is learnt from them and, unless `is_heard` is 0, noise, as
 * Denoiser.learn of Python does. Only models of voices and songs are to hear them: they are played backwards,
 * and a note played backwards is none for the models of guitars. Allocates: not for the sound's thread. 0 on
 * success. */
HUSHGATE_API int hushgate_begin(hushgate_denoiser* denoiser, const float* in, size_t in_stride,
                                size_t num_samples, int is_heard);

/* Processes the next samples of every channel. `in` and `out` may be the same. */
HUSHGATE_API void hushgate_process(hushgate_denoiser* denoiser, const float* const* in, float* const* out,
                                   size_t num_samples);
/* The same for channels one behind the other: `in_stride` and `out_stride` floats from channel to channel. */
HUSHGATE_API void hushgate_process_rows(hushgate_denoiser* denoiser, const float* in, size_t in_stride,
                                        float* out, size_t out_stride, size_t num_samples);

/* Frequency of the mains whose hum is being turned down, Hz; 0 while there is none. */
HUSHGATE_API double hushgate_hum_frequency(const hushgate_denoiser* denoiser);

HUSHGATE_API void hushgate_read_meters(const hushgate_denoiser* denoiser, hushgate_meters* meters);

/* The last frame as the gate sees it, whether it is on or off. */
typedef struct {
    double level; /* what the threshold is compared with, as power: the target of the loudest channel */
    double noise; /* what was removed from the loudest channel, likewise */
    double gain;  /* of the gate, 1 while it is open or off */
} hushgate_gate_levels;

HUSHGATE_API void hushgate_read_gate(const hushgate_denoiser* denoiser, hushgate_gate_levels* levels);

#ifdef __cplusplus
}
#endif

#endif
