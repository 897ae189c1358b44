// A heat map drawn smoothly over a picture, and where it is brightest in words.

const LONGEST_SIDE = 512; // pixels of the drawing
// From nothing to most: red, green, blue, opacity. A dark veil that opens into yellow keeps its
// order without colours too, and shows on a ball of any colour.
const STOPS = [[20, 12, 56, 185], [168, 40, 96, 140], [255, 226, 96, 110]];
const PLACES = [
  ["in the upper left", "at the top", "in the upper right"],
  ["on the left", "in the centre", "on the right"],
  ["in the lower left", "at the bottom", "in the lower right"],
];

/** A canvas in the shape of the picture. rows: h x w numbers; ratio: the picture's width / height. */
export function drawHeatMap(rows, ratio) {
  const scale = LONGEST_SIDE / Math.max(ratio, 1);
  const drawing = blank(ratio * scale, scale);
  const context = drawing.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(onePixelAPlace(rows), 0, 0, drawing.width, drawing.height);
  return drawing;
}

/** Where the map is highest, in words; null where no place is above 0. */
export function whereMost(rows) {
  const most = Math.max(...rows.flat());
  if (most <= 0) return null;
  const y = rows.findIndex((row) => row.includes(most));
  const x = rows[y].indexOf(most);
  return PLACES[third(y, rows.length)][third(x, rows[y].length)];
}

function third(place, places) {
  return Math.floor((3 * (place + 0.5)) / places);
}

function onePixelAPlace(rows) {
  const small = blank(rows[0].length, rows.length);
  const pixels = new ImageData(small.width, small.height);
  const most = Math.max(...rows.flat());
  rows.flat().forEach((value, i) => {
    pixels.data.set(colour(value > 0 ? value / most : 0), 4 * i);
  });
  small.getContext("2d").putImageData(pixels, 0, 0);
  return small;
}

function colour(share) {
  const place = share * (STOPS.length - 1);
  const i = Math.min(Math.floor(place), STOPS.length - 2);
  return STOPS[i].map((from, channel) => from + (STOPS[i + 1][channel] - from) * (place - i));
}

function blank(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(Math.round(width), 1);
  canvas.height = Math.max(Math.round(height), 1);
  return canvas;
}
