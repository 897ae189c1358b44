// Small helpers to build parts of the page and to say things in plain words.

/** An element with a class, children (elements or text) and attributes. Text is never HTML. */
export function element(tag, className, children = [], attributes = {}) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...[children].flat());
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

/** tennis_ball → Tennis ball */
export function plain(label) {
  const words = label.replace(/[_-]/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** 0.934 → 93 %; never rounds up to a certainty that is none. */
export function percent(share) {
  return `${share < 0.995 ? Math.round(share * 100) : Math.floor(share * 100)} %`;
}

/** A bar that is filled to a share of 0 to 1; read aloud by the words beside it. */
export function bar(share) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("class", "bar");
  svg.setAttribute("viewBox", "0 0 100 1");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  for (const [name, width] of [["track", 100], ["fill", share * 100]]) {
    const rect = document.createElementNS(space, "rect");
    rect.setAttribute("class", name);
    rect.setAttribute("width", width);
    rect.setAttribute("height", 1);
    svg.append(rect);
  }
  return svg;
}

export const UNREACHABLE = "The service cannot be reached.";

/** What went wrong with an answer, as a sentence. */
export async function problemOf(response) {
  const problem = await response.json().catch(() => null); // a proxy may answer in its own words
  return problem?.detail ?? `The service answered with ${response.status}.`;
}
