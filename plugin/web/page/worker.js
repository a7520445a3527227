// Cleans a whole recording, off the page's thread.

const BLOCK = 8192;
// As in Python: noise and hum are learnt from the first 8 s of recordings that are as long, and the hum's lines
// from 22 s more.
const LEARNT_S = 8;
const HUM_LEARNT_S = 30;

onmessage = ({ data }) => {
  try {
    if (data.wasm === undefined) {
      postMessage({ before: describe(data.channels, data.sampleRate, data.columns) });
    } else {
      clean(data);
    }
  } catch (error) {
    postMessage({ error: error.message });
  }
};

function clean({ wasm, weights, isHeard, values, channels, sampleRate, columns }) {
  const core = new Core(wasm, weights, sampleRate, channels.length, BLOCK);
  core.set(values);
  const numSamples = channels[0].length;
  const numLearnt = Math.round(LEARNT_S * sampleRate);
  const numTaken = Math.round(HUM_LEARNT_S * sampleRate);
  if (numSamples >= numLearnt) core.begin(channels.map((channel) => channel.subarray(0, numTaken)), isHeard);
  const after = channels.map(() => new Float32Array(numSamples));
  for (let at = 0; at < numSamples + core.latency; at += BLOCK) {
    const count = Math.min(BLOCK, numSamples + core.latency - at);
    core.inputRows.forEach((row, channel) => {
      row.fill(0);
      row.set(channels[channel].subarray(at, at + count));
    });
    core.process(count);
    const late = Math.max(0, core.latency - at);
    if (late < count) {
      core.outputRows.forEach((row, channel) => {
        after[channel].set(row.subarray(late, count), at + late - core.latency);
      });
    }
    postMessage({ progress: Math.min(1, at / numSamples) });
  }
  const removed = channels.map((channel, index) => channel.map((sample, at) => sample - after[index][at]));
  postMessage({
    latency: core.latency,
    after: { channels: after, ...describe(after, sampleRate, columns) },
    removed: { channels: removed, ...describe(removed, sampleRate, columns) },
  });
}
