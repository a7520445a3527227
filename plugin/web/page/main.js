// The page: recordings in, sounds and pictures out.

const SIDES = ["before", "after", "removed"];
const COLUMNS = 900;
const OTHER_RATE = 48000;
const LOWEST_RATE = 4000; // the filters of loudness need more than 3.4 kHz
const LARGEST_SAMPLE = 1e12; // as in the core
const MOST_SECONDS = 20 * 60;
const CHANGE_PAUSE_MS = 250;
const SEEK_S = 5;

const $ = (selector) => document.querySelector(selector);
const embedded = (id) => Uint8Array.from(atob($(`#${id}`).textContent), (letter) => letter.charCodeAt(0)).buffer;
const asModule = (text) => `data:text/javascript;charset=utf-8,${encodeURIComponent(text)}`;
const source = (...names) => names.map((name) => $(`#${name}`).textContent).join("\n");

const catalogue = JSON.parse($("#catalogue").textContent);
const wasm = embedded("wasm");
const weights = Object.fromEntries(catalogue.models.map(({ name }) => [name, embedded(`weights-${name}`)]));
// Workers from blob: addresses do not start in a page opened from a file.
const workerAddress = asModule(source("core-source", "analysis-source", "worker-source"));
const workletAddress = asModule(source("core-source", "worklet-source"));

// turn: how often the page was given another sound; what is finished for an earlier one is dropped.
const state = { recording: null, sounds: null, worker: null, timer: null, microphone: null, turn: 0 };
const player = new Player(showTransport);
const settings = new Settings(catalogue, settingsChanged);

function say(text) {
  $("#status").textContent = text;
}

function complain(text) {
  $("#error").textContent = text;
  $("#error").hidden = text === "";
}

// -- recordings ------------------------------------------------------------------------------------

async function openFile(file) {
  if (state.microphone) {
    complain(`${file.name} was not opened, because the microphone is being recorded. Stop it first.`);
    return;
  }
  state.turn += 1;
  const { turn } = state;
  complain("");
  say(`Reading ${file.name}.`);
  const sound = await decode(file);
  if (turn !== state.turn) return;
  const fault = faultOf(sound);
  if (fault) {
    say("");
    complain(`${file.name} ${fault}.`);
  } else {
    openRecording({ name: file.name, ...sound });
  }
}

// What a file holds; null where the browser does not read it.
async function decode(file) {
  try {
    const bytes = await file.arrayBuffer();
    const decoder = decoderAt(rateOfFile(bytes));
    const sound = await decoder.decodeAudioData(bytes);
    const channels = [...Array(sound.numberOfChannels).keys()].map((index) => sound.getChannelData(index));
    return { channels, sampleRate: sound.sampleRate, numFaulty: silenceFaulty(channels) };
  } catch {
    return null;
  }
}

// A file is read at its own rate where this browser can play it.
function decoderAt(sampleRate) {
  try {
    return new OfflineAudioContext(1, 1, sampleRate >= LOWEST_RATE ? sampleRate : OTHER_RATE);
  } catch {
    return new OfflineAudioContext(1, 1, OTHER_RATE);
  }
}

// Replace what is no number or too large by 0, and count it.
function silenceFaulty(channels) {
  let numFaulty = 0;
  for (const channel of channels) {
    for (let index = 0; index < channel.length; index += 1) {
      if (!(Math.abs(channel[index]) <= LARGEST_SAMPLE)) {
        channel[index] = 0;
        numFaulty += 1;
      }
    }
  }
  return numFaulty;
}

function faultOf(sound) {
  if (sound === null) {
    return "cannot be opened: this browser does not read it as sound. WAV, FLAC, MP3 and Ogg of 8 to 192 kHz are read";
  }
  const seconds = sound.channels[0].length / sound.sampleRate;
  if (seconds > MOST_SECONDS) return `is longer than ${MOST_SECONDS / 60} minutes. Use the command hushgate denoise`;
  return seconds === 0 ? "holds no sound" : null;
}

function openRecording(recording) {
  state.recording = recording;
  state.sounds = null;
  player.load(null, recording.sampleRate);
  showWorkspace();
  $("#name").textContent = recording.name;
  $("#format").textContent = formatText(recording);
  for (const side of SIDES) {
    clearPicture(picture(side));
    $(`#${side}-figures`).textContent = "";
    showFrequencies(side);
  }
  $("#workspace").scrollIntoView({ block: "start" });
  render();
}

// The settings alone while the microphone is recorded: they are its settings then.
function showWorkspace() {
  $("#workspace").hidden = state.recording === null && state.microphone === null;
  $("#listen").hidden = state.recording === null || state.microphone !== null;
}

function formatText({ channels, sampleRate, numFaulty }) {
  const layout = { 1: "mono", 2: "stereo" }[channels.length] ?? `${channels.length} channels`;
  const faults = numFaulty > 0 ? `; faulty samples, replaced by 0: ${numFaulty}` : "";
  return `${clock(channels[0].length / sampleRate)}, ${sampleRate / 1000} kHz, ${layout}${faults}`;
}

function settingsChanged() {
  const { microphone } = state;
  if (microphone) {
    const isOther = microphone.model !== settings.model;
    microphone.model = settings.model;
    const message = isOther ? { weights: weights[settings.model] } : {};
    microphone.node.port.postMessage({ ...message, values: settings.values });
    return;
  }
  if (!state.recording) return;
  complain("");
  $("#workspace").setAttribute("aria-busy", "true");
  clearTimeout(state.timer);
  state.timer = setTimeout(render, CHANGE_PAUSE_MS);
}

function startWorker(onMessage) {
  state.worker?.terminate();
  const worker = new Worker(workerAddress);
  worker.onmessage = ({ data }) => {
    if (data.error) {
      finishWork();
      say("");
      complain(`The sound could not be cleaned: ${data.error}`);
    } else {
      onMessage(data);
    }
  };
  worker.onerror = (event) => {
    finishWork();
    complain(`The sound could not be cleaned: ${event.message || "this browser does not start workers"}`);
  };
  state.worker = worker;
  return worker;
}

function finishWork() {
  state.worker?.terminate();
  state.worker = null;
  $("#progress").hidden = true;
  $("#workspace").removeAttribute("aria-busy");
}

function render() {
  clearTimeout(state.timer);
  const { recording } = state;
  const { channels, sampleRate } = recording;
  $("#workspace").setAttribute("aria-busy", "true");
  $("#progress").hidden = false;
  $("#progress").value = 0;
  if (recording.before === undefined) {
    say("Drawing the recording.");
    const worker = startWorker(({ before }) => {
      recording.before = { channels, ...before };
      drawSpectrogram(picture("before"), before.levels, brightestLevel(before.levels));
      showFigures("before", recording.before);
      render();
    });
    worker.postMessage({ channels, sampleRate, columns: COLUMNS });
    return;
  }
  const start = performance.now();
  say("Cleaning.");
  const worker = startWorker((data) => {
    if (data.progress !== undefined) {
      $("#progress").value = data.progress;
      return;
    }
    finishWork();
    state.sounds = { before: recording.before, after: data.after, removed: data.removed };
    const brightest = brightestLevel(recording.before.levels);
    for (const side of ["after", "removed"]) {
      drawSpectrogram(picture(side), data[side].levels, brightest);
      showFigures(side, data[side]);
    }
    player.load(state.sounds, sampleRate);
    const took = (performance.now() - start) / 1000;
    const seconds = channels[0].length / sampleRate;
    const speed = `${took.toFixed(1)} s (${(seconds / took).toFixed(seconds < 10 * took ? 1 : 0)} times real time)`;
    $("#format").textContent = `${formatText(recording)}; cleaned in ${speed}`;
    say(`Cleaned in ${speed}.`);
  });
  const isHeard = catalogue.models.find(({ name }) => name === settings.model).hears_beginnings;
  worker.postMessage({
    wasm, weights: weights[settings.model], isHeard, values: settings.values, channels, sampleRate, columns: COLUMNS,
  });
}

// -- what is shown ---------------------------------------------------------------------------------

function picture(side) {
  return $(`#${side}-picture`);
}

function decibels(value, unit) {
  return Number.isFinite(value) ? `${value.toFixed(1).replace("-", "\u2212")} ${unit}` : "silence";
}

function showFigures(side, { loudness, peak }) {
  $(`#${side}-figures`).textContent =
    peak > 0 ? `${decibels(loudness, "LUFS")}, peak ${decibels(20 * Math.log10(peak), "dBFS")}` : "silence";
}

function showFrequencies(side) {
  const marks = frequencyMarks(state.recording.sampleRate).map(({ text, share }) => {
    const mark = document.createElement("span");
    mark.textContent = text;
    mark.style.bottom = `${100 * share}%`;
    return mark;
  });
  $(`#${side}-figure .marks`).replaceChildren(...marks);
}

function clock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function showTransport() {
  const isReady = player.sounds !== null;
  for (const control of document.querySelectorAll("#transport input, #transport button, #save button, #save select")) {
    control.disabled = !isReady;
  }
  $("#play").setAttribute("aria-pressed", String(player.isPlaying));
  $("#play-word").textContent = player.isPlaying ? "Pause" : "Play";
  for (const side of SIDES) {
    $(`#listen-${side}`).checked = player.side === side;
    $(`#${side}-figure`).classList.toggle("heard", player.side === side);
  }
  showPosition();
}

function showPosition() {
  const { position, duration } = player;
  const share = duration === 0 ? 0 : position / duration;
  $("#time").textContent = `${clock(position)} / ${clock(duration)}`;
  $("#position").value = 1000 * share;
  $("#position").setAttribute("aria-valuetext", `${clock(position)} of ${clock(duration)}`);
  for (const head of document.querySelectorAll(".head")) {
    head.hidden = duration === 0;
    head.style.left = `${100 * share}%`;
  }
  if (player.isPlaying) requestAnimationFrame(showPosition);
}

// -- saving ----------------------------------------------------------------------------------------

function save(side) {
  const { file, numClipped } = writeWav(state.sounds[side].channels, state.recording.sampleRate, $("#wav-format").value);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = `${state.recording.name.replace(/\.[^.]*$/, "")}.${side === "after" ? "denoised" : side}.wav`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  say(numClipped > 0 ? `Saved; ${numClipped} samples were beyond full scale and clipped.` : `Saved ${link.download}.`);
}

// -- events ----------------------------------------------------------------------------------------

$("#file").addEventListener("change", ({ target }) => {
  if (target.files.length > 0) openFile(target.files[0]);
  target.value = "";
});
$("#choose").addEventListener("click", () => $("#file").click());
$("#another").addEventListener("click", () => $("#file").click());
$("#example")?.addEventListener("click", () => openFile(new File([embedded("example-sound")], "example.mp3")));
$("#record").addEventListener("click", startMicrophone);
$("#live-stop").addEventListener("click", stopMicrophone);
$("#live").addEventListener("change", () => state.microphone?.node.port.postMessage({ listen: liveSide() }));
$("#play").addEventListener("click", () => (player.isPlaying ? player.pause() : player.play()));
$("#position").addEventListener("input", ({ target }) => player.seek((target.value / 1000) * player.duration));
$("#matched").addEventListener("change", ({ target }) => player.setMatched(target.checked));
$("#repeat").addEventListener("change", ({ target }) => player.setRepeating(target.checked));
$("#save-after").addEventListener("click", () => save("after"));
$("#save-removed").addEventListener("click", () => save("removed"));
for (const side of SIDES) {
  $(`#listen-${side}`).addEventListener("change", () => player.listenTo(side));
  picture(side).addEventListener("click", (event) => {
    player.listenTo(side);
    player.seek((event.offsetX / picture(side).clientWidth) * player.duration);
  });
}
document.addEventListener("keydown", (event) => {
  if (player.sounds === null || state.microphone || event.ctrlKey || event.metaKey || event.altKey) return;
  const isTyping = event.target.closest("select, input[type=text]") !== null;
  const isControl = event.target.closest("button, input, summary, select") !== null;
  const side = SIDES[["1", "2", "3"].indexOf(event.key)];
  if (side !== undefined && !isTyping) {
    player.listenTo(side);
  } else if (event.key === " " && !isControl) {
    event.preventDefault();
    if (player.isPlaying) player.pause();
    else player.play();
  } else if ((event.key === "ArrowLeft" || event.key === "ArrowRight") && !isControl) {
    player.seek(player.position + (event.key === "ArrowLeft" ? -SEEK_S : SEEK_S));
  }
});
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    document.body.classList.toggle("dragging", kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files.length > 0) openFile(event.dataTransfer.files[0]);
  });
}
showTransport();
