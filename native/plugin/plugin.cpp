// The plugin: VST3, CLAP and LV2 through DPF. Parameters, presets and models come from tables that the build
// writes from Python.

#include "DistrhoPlugin.hpp"

#include "hushgate.h"
#include "tables.h"

START_NAMESPACE_DISTRHO

using namespace hushgate_plugin;

class HushgatePlugin : public Plugin {
public:
    HushgatePlugin() : Plugin(kNumParameters, kNumPresets, DISTRHO_PLUGIN_WANT_STATE) {
        char message[256];
        for (int index = 0; index < kNumModels; ++index) {
            const ModelRow& row = kModels[index];
            models_[index] = hushgate_model_read(row.begin, row.end - row.begin, message, sizeof message);
            denoisers_[index] = models_[index] == nullptr ? nullptr : hushgate_new(models_[index], nullptr);
        }
        for (int index = 0; index < kNumParameters; ++index)
            HushgatePlugin::setParameterValue(index, kParameters[index].initial);
        prepare();
    }

    ~HushgatePlugin() override {
        for (int index = 0; index < kNumModels; ++index) {
            if (denoisers_[index] != nullptr) hushgate_free(denoisers_[index]);
            if (models_[index] != nullptr) hushgate_model_free(models_[index]);
        }
    }

protected:
    const char* getLabel() const override { return "hushgate"; }
    const char* getDescription() const override { return "Neural denoiser and smart noise gate."; }
    const char* getMaker() const override { return "hushgate"; }
    const char* getLicense() const override { return "MIT"; }
    uint32_t getVersion() const override { return d_version(0, 1, 0); }
    int64_t getUniqueId() const override { return d_cconst('H', 's', 'h', 'G'); }

    void initParameter(uint32_t index, Parameter& parameter) override {
        const ParameterRow& row = kParameters[index];
        parameter.hints = kParameterIsAutomatable;
        if (is_model(index)) parameter.hints = 0;  // another model has another latency
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

    void initProgramName(uint32_t index, String& name) override { name = kPresets[index].name; }

#if DISTRHO_PLUGIN_WANT_STATE
    // The host stores parameters; this one value says which version of the plugin wrote them.
    void initState(uint32_t, State& state) override {
        state.key = "version";
        state.defaultValue = "1";
        state.hints = kStateIsHostReadable;
    }
    void setState(const char*, const char*) override {}
#endif

    float getParameterValue(uint32_t index) const override { return values_[index]; }

    void setParameterValue(uint32_t index, float value) override {
        const ParameterRow& row = kParameters[index];
        values_[index] = value;
        if (is_model(index)) return;
        const double meant = row.end_word != nullptr && value == row.end ? row.end_value : value;
        for (int model = 0; model < kNumModels; ++model)
            if (denoisers_[model] != nullptr) hushgate_set(denoisers_[model], int(index), meant);
    }

    void loadProgram(uint32_t index) override {
        for (int parameter = 0; parameter < kNumParameters; ++parameter)
            setParameterValue(parameter, kPresets[index].values[parameter]);
    }

    void activate() override {
        for (int index = 0; index < kNumModels; ++index)
            if (denoisers_[index] != nullptr) hushgate_reset(denoisers_[index]);
        use_model();
    }

    void sampleRateChanged(double) override { prepare(); }

    void run(const float** inputs, float** outputs, uint32_t num_samples) override {
        if (wanted_model() != model_) use_model();
        hushgate_denoiser* denoiser = denoisers_[model_];
        if (denoiser != nullptr) hushgate_process(denoiser, inputs, outputs, num_samples);
    }

private:
    static bool is_model(uint32_t index) { return int(index) == kNumParameters - 1; }

    int wanted_model() const {
        const int model = int(values_[kNumParameters - 1] + 0.5f);
        return model < 0 ? 0 : model >= kNumModels ? kNumModels - 1 : model;
    }

    // All models are prepared, so that a change of the model allocates nothing while sound runs.
    void prepare() {
        for (int index = 0; index < kNumModels; ++index) {
            if (denoisers_[index] != nullptr &&
                hushgate_prepare(denoisers_[index], getSampleRate(), HUSHGATE_CHANNELS) != 0) {
                hushgate_free(denoisers_[index]);
                denoisers_[index] = nullptr;
            }
        }
        use_model();
    }

    void use_model() {
        model_ = wanted_model();
        hushgate_denoiser* denoiser = denoisers_[model_];
        if (denoiser == nullptr) return;
        hushgate_reset(denoiser);
        setLatency(uint32_t(hushgate_latency(denoiser)));
    }

    hushgate_model* models_[kMaxModels] = {};
    hushgate_denoiser* denoisers_[kMaxModels] = {};
    int model_ = 0;
    float values_[32] = {};
};

Plugin* createPlugin() { return new HushgatePlugin(); }

END_NAMESPACE_DISTRHO
