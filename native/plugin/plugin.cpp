#include "plugin.h"

#include <cstring>

START_NAMESPACE_DISTRHO

using namespace hushgate_plugin;

HushgatePlugin::HushgatePlugin() : Plugin(kNumParameters + 1, kNumPresets, DISTRHO_PLUGIN_WANT_STATE) {
    char message[256];
    for (int index = 0; index < kNumModels; ++index) {
        const ModelRow& row = kModels[index];
        models_[index] = hushgate_model_read(row.begin, row.end - row.begin, message, sizeof message);
        denoisers_[index] = models_[index] == nullptr ? nullptr : hushgate_new(models_[index], nullptr);
    }
    for (int index = 0; index < kNumParameters; ++index) setParameterValue(index, kParameters[index].initial);
    prepare();
}

HushgatePlugin::~HushgatePlugin() {
    for (int index = 0; index < kNumModels; ++index) {
        if (denoisers_[index] != nullptr) hushgate_free(denoisers_[index]);
        if (models_[index] != nullptr) hushgate_model_free(models_[index]);
    }
}

int HushgatePlugin::latency() const {
    const hushgate_denoiser* running = denoiser();
    return running == nullptr ? 0 : hushgate_latency(running);
}

hushgate_meters HushgatePlugin::meters() const {
    hushgate_meters meters = {};
    if (const hushgate_denoiser* running = denoiser()) hushgate_read_meters(running, &meters);
    return meters;
}

double HushgatePlugin::hum_frequency() const {
    const hushgate_denoiser* running = denoiser();
    return running == nullptr ? 0.0 : hushgate_hum_frequency(running);
}

hushgate_gate_levels HushgatePlugin::gate_levels() const {
    hushgate_gate_levels levels = {0.0, 0.0, 1.0};
    if (const hushgate_denoiser* running = denoiser()) hushgate_read_gate(running, &levels);
    return levels;
}

void HushgatePlugin::initParameter(uint32_t index, Parameter& parameter) {
    if (index == bypass_index()) {
        parameter.initDesignation(kParameterDesignationBypass);
        return;
    }
    const ParameterRow& row = kParameters[index];
    parameter.hints = kParameterIsAutomatable;
    if (index == model_index()) parameter.hints = 0;  // another model has another latency
    parameter.name = row.name;
    parameter.symbol = row.symbol;
    parameter.unit = row.unit;
    parameter.description = row.description;
    parameter.ranges = ParameterRanges(row.initial, row.minimum, row.maximum);
    if (row.num_choices > 0) {
        parameter.hints |= kParameterIsInteger;
        auto* values = new ParameterEnumerationValue[row.num_choices];
        for (int choice = 0; choice < row.num_choices; ++choice)
            values[choice] = ParameterEnumerationValue(float(choice), row.choices[choice]);
        parameter.enumValues.count = uint8_t(row.num_choices);
        parameter.enumValues.restrictedMode = true;
        parameter.enumValues.values = values;
    } else if (row.end_word != nullptr) {
        parameter.enumValues.count = 1;
        parameter.enumValues.values =
            new ParameterEnumerationValue[1]{ParameterEnumerationValue(row.end, row.end_word)};
    }
}

void HushgatePlugin::initProgramName(uint32_t index, String& name) { name = kPresets[index].name; }

#if DISTRHO_PLUGIN_WANT_STATE
void HushgatePlugin::initState(uint32_t, State& state) {
    state.key = "version";
    state.defaultValue = "1";
    state.hints = kStateIsHostReadable;
}
#endif

void HushgatePlugin::setParameterValue(uint32_t index, float value) {
    values_[index] = value;
    if (index != bypass_index()) return apply(index);
    for (int model = 0; model < kNumModels; ++model)
        if (denoisers_[model] != nullptr) hushgate_set_bypass(denoisers_[model], value >= 0.5f);
}

// Hands a parameter to the denoisers.
void HushgatePlugin::apply(uint32_t index) {
    if (index == model_index()) return;
    const ParameterRow& row = kParameters[index];
    const float value = values_[index];
    const double meant = row.end_word != nullptr && value == row.end ? row.end_value : value;
    for (int model = 0; model < kNumModels; ++model)
        if (denoisers_[model] != nullptr) hushgate_set(denoisers_[model], int(index), meant);
}

void HushgatePlugin::loadProgram(uint32_t index) {
    for (int parameter = 0; parameter < kNumParameters; ++parameter)
        setParameterValue(uint32_t(parameter), kPresets[index].values[parameter]);
}

void HushgatePlugin::activate() {
    for (int index = 0; index < kNumModels; ++index)
        if (denoisers_[index] != nullptr) hushgate_reset(denoisers_[index]);
    use_model();
}

void HushgatePlugin::run(const float** inputs, float** outputs, uint32_t num_samples) {
    if (wanted_model() != model_) use_model();
    tap_.write_input(inputs, HUSHGATE_CHANNELS, num_samples);
    if (hushgate_denoiser* running = denoiser()) {
        hushgate_process(running, inputs, outputs, num_samples);
    } else {
        for (int channel = 0; channel < HUSHGATE_CHANNELS; ++channel)
            std::memmove(outputs[channel], inputs[channel], num_samples * sizeof(float));
    }
    tap_.write_output(outputs, HUSHGATE_CHANNELS, num_samples);
}

int HushgatePlugin::wanted_model() const {
    const int model = int(values_[model_index()] + 0.5f);
    return model < 0 ? 0 : model >= kNumModels ? kNumModels - 1 : model;
}

// All models are prepared, so that a change of the model allocates nothing while sound runs. A rate that is
// refused leaves them unused until another comes.
void HushgatePlugin::prepare() {
    bool is_prepared = true;
    for (int index = 0; index < kNumModels; ++index) {
        if (denoisers_[index] != nullptr &&
            hushgate_prepare(denoisers_[index], getSampleRate(), HUSHGATE_CHANNELS) != 0)
            is_prepared = false;
    }
    is_prepared_ = is_prepared;
    use_model();
}

void HushgatePlugin::use_model() {
    model_ = wanted_model();
    if (hushgate_denoiser* running = denoiser()) hushgate_reset(running);
    setLatency(uint32_t(latency()));
}

Plugin* createPlugin() { return new HushgatePlugin(); }

END_NAMESPACE_DISTRHO
