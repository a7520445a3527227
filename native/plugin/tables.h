// Tables that the build writes from Python: parameters, presets and models (native/build_plugins.py).
#pragma once

#include <cstddef>

namespace hushgate_plugin {

// One parameter of the denoiser, by its number in core/parameters.h, or the choice of the model after them.
struct ParameterRow {
    const char* symbol;  // as in Python
    const char* name;
    const char* unit;
    const char* description;
    float minimum, maximum, initial;
    int num_choices;  // 0 for a number
    const char* const* choices;
    // A value at one end stands for something outside the range, with a word for it: 120 dB for no limit.
    const char* end_word;  // null without
    float end;
    double end_value;
};

struct PresetRow {
    const char* name;
    const float* values;  // of every parameter
};

struct ModelRow {
    const char* name;
    const unsigned char *begin, *end;  // a weights file
};

extern const ParameterRow kParameters[];
extern const int kNumParameters;
extern const PresetRow kPresets[];
extern const int kNumPresets;
extern const ModelRow kModels[];
constexpr int kMaxModels = 8;
extern const int kNumModels;

}  // namespace hushgate_plugin
