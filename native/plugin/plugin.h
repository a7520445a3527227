// The plugin on DPF. Parameters, presets and models come from tables that the build writes from Python.
#pragma once

#include <atomic>

#include "DistrhoPlugin.hpp"
#include "hushgate.h"
#include "sound_tap.h"
#include "tables.h"

START_NAMESPACE_DISTRHO

class HushgatePlugin : public Plugin {
public:
    HushgatePlugin();
    ~HushgatePlugin() override;

    // For the window, from its thread.
    const hushgate_plugin::SoundTap& tap() const { return tap_; }
    int latency() const;
    hushgate_meters meters() const;
    hushgate_gate_levels gate_levels() const;
    double hum_frequency() const;  // Hz; 0 while there is none

    // Numbers of the last parameters: the model, and the host's bypass after the table.
    static uint32_t model_index() { return uint32_t(hushgate_plugin::kNumParameters - 1); }
    static uint32_t bypass_index() { return uint32_t(hushgate_plugin::kNumParameters); }

protected:
    const char* getLabel() const override { return "hushgate"; }
    const char* getDescription() const override { return "Neural denoiser and smart noise gate."; }
    const char* getMaker() const override { return "hushgate"; }
    const char* getLicense() const override { return "MIT"; }
    uint32_t getVersion() const override { return d_version(0, 2, 0); }
    // The class ID of VST3 comes from it, so that no two plugins may share one.
    int64_t getUniqueId() const override { return d_cconst('H', 's', 'h', HUSHGATE_CHANNELS == 1 ? 'M' : 'G'); }

    void initParameter(uint32_t index, Parameter& parameter) override;
    void initProgramName(uint32_t index, String& name) override;
#if DISTRHO_PLUGIN_WANT_STATE
    // The host stores parameters; this one value says which version of the plugin wrote them.
    void initState(uint32_t, State& state) override;
    void setState(const char*, const char*) override {}
#endif
    float getParameterValue(uint32_t index) const override { return values_[index]; }
    void setParameterValue(uint32_t index, float value) override;
    void loadProgram(uint32_t index) override;
    void activate() override;
    void sampleRateChanged(double) override { prepare(); }
    void run(const float** inputs, float** outputs, uint32_t num_samples) override;

private:
    int wanted_model() const;
    // The one that runs; null where none could be made or prepared, and the input is passed on.
    hushgate_denoiser* denoiser() const { return is_prepared_ ? denoisers_[model_] : nullptr; }
    void apply(uint32_t index);
    void prepare();
    void use_model();

    hushgate_model* models_[hushgate_plugin::kMaxModels] = {};
    hushgate_denoiser* denoisers_[hushgate_plugin::kMaxModels] = {};
    std::atomic<bool> is_prepared_{false};
    std::atomic<int> model_{0};
    float values_[32] = {};
    hushgate_plugin::SoundTap tap_;
};

END_NAMESPACE_DISTRHO
