// Recording from the microphone: starting, meters, and the end.

async function startMicrophone() {
  complain("");
  player.pause();
  const { turn } = state;
  let [stream, context] = [null, null];
  $("#record").disabled = true; // the browser may be asking for permission for long
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    });
    context = new AudioContext({ latencyHint: "interactive" });
    await context.audioWorklet.addModule(workletAddress);
    await context.resume();
    if (turn === state.turn) record(stream, context);
    else release({ stream, context }); // a file was opened meanwhile
  } catch (error) {
    release({ stream, context });
    complain(`The microphone cannot be used: ${reasonAgainst(stream, error)}.`);
  } finally {
    $("#record").disabled = false;
  }
}

function reasonAgainst(stream, error) {
  if (navigator.mediaDevices === undefined) return "browsers allow it on https pages, localhost and files only";
  if (stream !== null) return "this browser cannot process its sound";
  return error.name === "NotAllowedError" ? "this page may not use it" : "there is none, or it is in use";
}

function release({ stream, context }) {
  for (const track of stream?.getTracks() ?? []) track.stop();
  context?.close();
}

function record(stream, context) {
  const input = new MediaStreamAudioSourceNode(context, { mediaStream: stream });
  const [track] = stream.getAudioTracks();
  const node = liveNode(context, Math.min(2, track.getSettings().channelCount ?? 1));
  node.port.onmessage = ({ data }) => heardMicrophone(data);
  node.onprocessorerror = failMicrophone;
  track.onended = stopMicrophone; // unplugged
  input.connect(node).connect(context.destination);
  const { sampleRate } = context;
  state.microphone = { stream, context, node, model: settings.model, parts: [], numSamples: 0, sampleRate };
  state.turn += 1; // files that are still being read come too late
  clearTimeout(state.timer);
  finishWork();
  $("#live").hidden = false;
  $("#start").hidden = true;
  showWorkspace();
  $("#live-stop").focus();
  say("Recording.");
}

function liveNode(context, numChannels) {
  return new AudioWorkletNode(context, "hushgate", {
    numberOfInputs: 1,
    numberOfOutputs: 1,
    outputChannelCount: [numChannels],
    processorOptions: {
      wasm, weights: weights[settings.model], values: { ...settings.values }, numChannels, listen: liveSide(),
    },
  });
}

function liveSide() {
  return $("#live input:checked").value;
}

function heardMicrophone({ channels, meters, ended }) {
  const { microphone } = state;
  if (microphone === null) return;
  if (ended) {
    finishMicrophone();
    return;
  }
  microphone.parts.push(channels);
  microphone.numSamples += channels[0].length;
  const seconds = microphone.numSamples / microphone.sampleRate;
  $("#live-time").textContent = clock(seconds);
  showMeter("input", 20 * Math.log10(Math.max(meters.peak, 1e-6)), "dBFS");
  showMeter("reduction", meters.reduction, "dB");
  if (seconds >= MOST_SECONDS) stopMicrophone();
}

function showMeter(name, level, unit) {
  const meter = $(`#live-${name}`);
  const shown = Math.max(-60, Math.min(0, level));
  meter.setAttribute("aria-valuenow", shown.toFixed(0));
  meter.setAttribute("aria-valuetext", decibels(shown, unit));
  meter.firstElementChild.style.width = `${name === "input" ? 100 + shown / 0.6 : -shown / 0.6}%`;
  $(`#live-${name}-text`).textContent = decibels(shown, unit);
}

// The worklet sends what it still holds, then says that it has ended.
function stopMicrophone() {
  const { microphone } = state;
  if (microphone === null) return;
  for (const track of microphone.stream.getTracks()) track.stop();
  microphone.node.port.postMessage({ end: true });
}

// A worklet that failed says nothing more.
function failMicrophone() {
  if (state.microphone === null) return;
  finishMicrophone();
  complain("The microphone's sound could not be processed.");
}

function finishMicrophone() {
  const { microphone } = state;
  state.microphone = null;
  release(microphone);
  $("#live").hidden = true;
  $("#start").hidden = false;
  $("#record").focus();
  say("");
  if (microphone.numSamples > 0) {
    openRecording({ name: "microphone", channels: joined(microphone), sampleRate: microphone.sampleRate });
    return;
  }
  complain("The microphone gave no sound.");
  showWorkspace();
  if (state.recording) render(); // settings may have changed
}

function joined({ parts, numSamples }) {
  return parts[0].map((_, channel) => {
    const whole = new Float32Array(numSamples);
    let at = 0;
    for (const part of parts) {
      whole.set(part[channel], at);
      at += part[channel].length;
    }
    return whole;
  });
}
