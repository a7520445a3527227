// What DPF asks about the plugin. HUSHGATE_CHANNELS is 1 or 2: some hosts want a fixed number of channels.
#pragma once

#if HUSHGATE_CHANNELS == 1
#define DISTRHO_PLUGIN_NAME "hushgate mono"
#define DISTRHO_PLUGIN_URI "urn:hushgate:denoiser:mono"
#define DISTRHO_UI_URI "urn:hushgate:denoiser:mono:ui"
#define DISTRHO_PLUGIN_CLAP_ID "hushgate.denoiser.mono"
#define DISTRHO_PLUGIN_UNIQUE_ID HshM
#define DISTRHO_PLUGIN_CLAP_FEATURES "audio-effect", "restoration", "mono"
#else
#define DISTRHO_PLUGIN_NAME "hushgate"
#define DISTRHO_PLUGIN_URI "urn:hushgate:denoiser"
#define DISTRHO_UI_URI "urn:hushgate:denoiser:ui"
#define DISTRHO_PLUGIN_CLAP_ID "hushgate.denoiser"
#define DISTRHO_PLUGIN_UNIQUE_ID HshG
#define DISTRHO_PLUGIN_CLAP_FEATURES "audio-effect", "restoration", "stereo"
#endif

#define DISTRHO_PLUGIN_BRAND "hushgate"
#define DISTRHO_PLUGIN_BRAND_ID Hshg
#define DISTRHO_PLUGIN_VST3_CATEGORIES "Fx|Restoration"
#define DISTRHO_PLUGIN_LV2_CATEGORY "lv2:DynamicsPlugin"
#define DISTRHO_PLUGIN_NUM_INPUTS HUSHGATE_CHANNELS
#define DISTRHO_PLUGIN_NUM_OUTPUTS HUSHGATE_CHANNELS
#ifdef HUSHGATE_WINDOW
#define DISTRHO_PLUGIN_HAS_UI 1
#define DISTRHO_UI_USE_NANOVG 1
#define DISTRHO_UI_USER_RESIZABLE 1
#define DISTRHO_PLUGIN_WANT_DIRECT_ACCESS 1
#else
#define DISTRHO_PLUGIN_HAS_UI 0
#endif
#define DISTRHO_PLUGIN_IS_RT_SAFE 1
#define DISTRHO_PLUGIN_WANT_LATENCY 1
#define DISTRHO_PLUGIN_WANT_PROGRAMS 1
// Without it DPF saves no parameter in CLAP. In LV2 hosts save parameters themselves, and with it DPF asks them for
// a worker.
#ifdef DISTRHO_PLUGIN_TARGET_LV2
#define DISTRHO_PLUGIN_WANT_STATE 0
#else
#define DISTRHO_PLUGIN_WANT_STATE 1
#endif
