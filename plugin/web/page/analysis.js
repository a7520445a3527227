// Spectrograms and loudness.

const SPECTRUM_ROWS = 192;
const LOWEST_HZ = 50;
const HIGHEST_HZ = 20000;
const RANGE_DB = 80;

// Complex FFT in place, size a power of 2 (Cooley and Tukey, 1965).
class Fft {
  constructor(size) {
    this.size = size;
    this.cos = Float32Array.from({ length: size / 2 }, (_, k) => Math.cos((2 * Math.PI * k) / size));
    this.sin = Float32Array.from({ length: size / 2 }, (_, k) => -Math.sin((2 * Math.PI * k) / size));
    this.order = new Uint32Array(size);
    for (let at = 1; at < size; at += 1) {
      this.order[at] = (this.order[at >> 1] >> 1) | (at & 1 ? size >> 1 : 0);
    }
  }

  run(re, im) {
    const { size, cos, sin, order } = this;
    for (let at = 0; at < size; at += 1) {
      const other = order[at];
      if (other > at) {
        [re[at], re[other]] = [re[other], re[at]];
        [im[at], im[other]] = [im[other], im[at]];
      }
    }
    for (let half = 1; half < size; half *= 2) {
      const step = size / (2 * half);
      for (let start = 0; start < size; start += 2 * half) {
        for (let k = 0; k < half; k += 1) {
          const upper = start + k;
          const lower = upper + half;
          const c = cos[k * step];
          const s = sin[k * step];
          const x = re[lower] * c - im[lower] * s;
          const y = re[lower] * s + im[lower] * c;
          re[lower] = re[upper] - x;
          im[lower] = im[upper] - y;
          re[upper] += x;
          im[upper] += y;
        }
      }
    }
  }
}

// Frequency of the rows' edges, from the lowest up: evenly spaced in octaves above 500 Hz, in Hz below.
function rowHz(row, highest) {
  const bend = (hz) => Math.asinh(hz / 500);
  const share = row / SPECTRUM_ROWS;
  return 500 * Math.sinh(bend(LOWEST_HZ) + share * (bend(highest) - bend(LOWEST_HZ)));
}

function highestHz(sampleRate) {
  return Math.min(HIGHEST_HZ, sampleRate / 2);
}

// Levels in dB, (columns, SPECTRUM_ROWS) one column after the other, the lowest row first.
function spectrogram(channels, sampleRate, columns) {
  const size = 2 ** Math.round(Math.log2(0.04 * sampleRate));
  const fft = new Fft(size);
  const window = Float32Array.from({ length: size }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / size));
  const highest = highestHz(sampleRate);
  const edges = Array.from({ length: SPECTRUM_ROWS + 1 }, (_, row) => (rowHz(row, highest) * size) / sampleRate);
  const levels = new Float32Array(columns * SPECTRUM_ROWS);
  const [re, im, power] = [0, 1, 2].map(() => new Float32Array(size));
  const numSamples = channels[0].length;
  for (let column = 0; column < columns; column += 1) {
    const start = Math.round(((column + 0.5) * numSamples) / columns - size / 2);
    power.fill(0);
    for (const channel of channels) {
      for (let index = 0; index < size; index += 1) {
        re[index] = (channel[start + index] ?? 0) * window[index];
      }
      im.fill(0);
      fft.run(re, im);
      for (let bin = 0; bin <= size / 2; bin += 1) power[bin] += re[bin] ** 2 + im[bin] ** 2;
    }
    for (let row = 0; row < SPECTRUM_ROWS; row += 1) {
      const [from, to] = [edges[row], edges[row + 1]];
      let most = 0;
      if (Math.ceil(from) >= to) {
        const bin = Math.floor((from + to) / 2);
        const share = (from + to) / 2 - bin;
        most = power[bin] * (1 - share) + power[bin + 1] * share;
      }
      for (let bin = Math.ceil(from); bin < to; bin += 1) most = Math.max(most, power[bin]);
      levels[column * SPECTRUM_ROWS + row] = 10 * Math.log10(most + 1e-12);
    }
  }
  return levels;
}

// A second-order filter in place (direct form 2, transposed).
function filter(samples, [b0, b1, b2, a1, a2]) {
  let [first, second] = [0, 0];
  for (let index = 0; index < samples.length; index += 1) {
    const x = samples[index];
    const y = b0 * x + first;
    first = b1 * x - a1 * y + second;
    second = b2 * x - a2 * y;
    samples[index] = y;
  }
}

// The two filters of ITU-R BS.1770 for any rate (as in libebur128).
function weightingFilters(sampleRate) {
  const shelf = Math.tan((Math.PI * 1681.974450955533) / sampleRate);
  const [q, high] = [0.7071752369554196, 10 ** (3.999843853973347 / 20)];
  const middle = high ** 0.4996667741545416;
  const scale = 1 + shelf / q + shelf ** 2;
  const pass = Math.tan((Math.PI * 38.13547087602444) / sampleRate);
  const passQ = 0.5003270373238773;
  const passScale = 1 + pass / passQ + pass ** 2;
  return [
    [
      (high + (middle * shelf) / q + shelf ** 2) / scale,
      (2 * (shelf ** 2 - high)) / scale,
      (high - (middle * shelf) / q + shelf ** 2) / scale,
      (2 * (shelf ** 2 - 1)) / scale,
      (1 - shelf / q + shelf ** 2) / scale,
    ],
    [1, -2, 1, (2 * (pass ** 2 - 1)) / passScale, (1 - pass / passQ + pass ** 2) / passScale],
  ];
}

// Integrated loudness, LUFS (ITU-R BS.1770-4; every channel counts alike). -Infinity for silence.
function loudness(channels, sampleRate) {
  const step = Math.round(0.1 * sampleRate);
  const numSteps = Math.max(1, Math.floor(channels[0].length / step));
  const energy = new Float64Array(numSteps);
  for (const channel of channels) {
    const weighted = Float32Array.from(channel);
    for (const coefficients of weightingFilters(sampleRate)) filter(weighted, coefficients);
    for (let index = 0; index < weighted.length; index += 1) {
      const at = Math.min(numSteps - 1, Math.floor(index / step));
      energy[at] += weighted[index] ** 2 / step;
    }
  }
  const blocks = [];
  const width = Math.min(4, numSteps);
  for (let at = 0; at + width <= numSteps; at += 1) {
    blocks.push(energy.subarray(at, at + width).reduce((sum, value) => sum + value, 0) / width);
  }
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const toDb = (value) => -0.691 + 10 * Math.log10(value);
  const audible = blocks.filter((value) => toDb(value) > -70);
  if (audible.length === 0) return -Infinity;
  const gate = toDb(mean(audible)) - 10;
  return toDb(mean(audible.filter((value) => toDb(value) > gate)));
}

function peak(channels) {
  let most = 0;
  for (const channel of channels) for (const sample of channel) most = Math.max(most, Math.abs(sample));
  return most;
}

function describe(channels, sampleRate, columns) {
  return {
    levels: spectrogram(channels, sampleRate, columns),
    loudness: loudness(channels, sampleRate),
    peak: peak(channels),
  };
}
