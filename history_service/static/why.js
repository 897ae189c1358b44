// "Show why": a button that lays the heat map of a prediction over its picture and takes it away.

import { element } from "./elements.js";
import { drawHeatMap, whereMost } from "./heat_map.js";

/** The button with its caption.
 *
 * frame: holds the picture; label: in plain words; ask: a promise of the rows, null where the model
 * cannot say; it fails with a sentence for people.
 */
export function whyToggle(frame, label, ask) {
  const button = element("button", "button", "Show why", { type: "button", "aria-pressed": "false" });
  const caption = element("p", "muted small");
  let map;
  let asking = false;

  async function drawn() {
    const rows = await ask();
    if (rows === null) throw new Error("The model cannot say why.");
    const canvas = drawHeatMap(rows, ratioOf(frame));
    canvas.className = "heat";
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", inWords(rows, label));
    return canvas;
  }

  async function show() {
    asking = true;
    caption.textContent = "Asking the model…";
    try {
      map ??= await drawn();
      frame.append(map);
      caption.textContent = `Bright places speak for “${label}”, dark ones do not.`;
      button.setAttribute("aria-pressed", "true");
    } catch (trouble) {
      caption.textContent = trouble.message;
    }
    asking = false;
  }

  function hide() {
    map.remove();
    caption.textContent = "";
    button.setAttribute("aria-pressed", "false");
  }

  button.addEventListener("click", () => {
    if (asking) return;
    if (map?.isConnected) hide();
    else show();
  });
  return element("div", "why", [button, caption]);
}

function inWords(rows, label) {
  const place = whereMost(rows);
  if (place === null) return `Heat map: no place of the picture speaks for ${label}.`;
  return `Heat map: what speaks most for ${label} is ${place} of the picture.`;
}

/** Width / height of the picture as it is shown upright; 1 where the browser cannot show it. */
function ratioOf(frame) {
  const picture = frame.querySelector("img");
  return picture?.naturalHeight ? picture.naturalWidth / picture.naturalHeight : 1;
}
