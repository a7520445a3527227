// Spectrograms on canvases.

const DARK_TO_BRIGHT = [
  [0, 0, 4], [28, 16, 68], [79, 18, 123], [129, 37, 129], [181, 54, 122],
  [229, 80, 100], [251, 135, 97], [254, 194, 135], [252, 253, 191],
]; // matplotlib's magma

const COLOURS = Array.from({ length: 256 }, (_, level) => {
  const place = (level / 255) * (DARK_TO_BRIGHT.length - 1);
  const at = Math.min(DARK_TO_BRIGHT.length - 2, Math.floor(place));
  return DARK_TO_BRIGHT[at].map((value, part) => value + (place - at) * (DARK_TO_BRIGHT[at + 1][part] - value));
});

// levels: dB as of `spectrogram`; brightest: the level of the brightest colour.
function drawSpectrogram(canvas, levels, brightest) {
  const columns = levels.length / SPECTRUM_ROWS;
  canvas.width = columns;
  canvas.height = SPECTRUM_ROWS;
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, SPECTRUM_ROWS);
  for (let column = 0; column < columns; column += 1) {
    for (let row = 0; row < SPECTRUM_ROWS; row += 1) {
      const level = levels[column * SPECTRUM_ROWS + row] - brightest + RANGE_DB;
      const colour = COLOURS[Math.round(255 * Math.max(0, Math.min(1, level / RANGE_DB)))];
      const at = 4 * ((SPECTRUM_ROWS - 1 - row) * columns + column);
      [image.data[at], image.data[at + 1], image.data[at + 2]] = colour;
      image.data[at + 3] = 255;
    }
  }
  context.putImageData(image, 0, 0);
}

function clearPicture(canvas) {
  canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
}

// The level of the brightest colour for a sound: below its loudest points, which are few.
function brightestLevel(levels) {
  let most = -Infinity;
  for (const level of levels) most = Math.max(most, level);
  return most - 6;
}

// Marks of the frequency axis, each with its height as a share of the picture.
function frequencyMarks(sampleRate) {
  const highest = highestHz(sampleRate);
  const bend = (hz) => Math.asinh(hz / 500);
  return [200, 1000, 4000, 16000]
    .filter((hz) => hz < 0.95 * highest)
    .map((hz) => ({
      text: hz < 1000 ? `${hz} Hz` : `${hz / 1000} kHz`,
      share: (bend(hz) - bend(LOWEST_HZ)) / (bend(highest) - bend(LOWEST_HZ)),
    }));
}
