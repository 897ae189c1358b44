// Pictures that are chosen, dropped, pasted or photographed become cards with their results.

import { bar, element, percent, plain, problemOf } from "./elements.js";

const LEADING_SCORES = 5;
const AT_ONE_TIME = 4;

/** Listens to every way a picture can come in; calls `stored` after each stored prediction. */
export function startUploads(form, results, stored) {
  const queue = [];
  let running = 0;

  function add(files) {
    for (const file of files) {
      const card = new Card(file, form.dataset, () => enqueue(card));
      results.prepend(card.root);
      enqueue(card);
    }
  }

  function enqueue(card) {
    queue.push(card);
    next();
  }

  async function next() {
    if (running >= AT_ONE_TIME || queue.length === 0) return;
    running += 1;
    if (await queue.shift().classify(form.action)) stored();
    running -= 1;
    next();
  }

  for (const input of form.querySelectorAll("input[type=file]")) {
    input.addEventListener("change", () => {
      add([...input.files]);
      input.value = "";
    });
  }
  form.addEventListener("dragover", (event) => {
    event.preventDefault();
    form.classList.add("over");
  });
  form.addEventListener("dragleave", () => form.classList.remove("over"));
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    form.classList.remove("over");
    add([...event.dataTransfer.files]);
  });
  document.addEventListener("paste", (event) => add([...event.clipboardData.files]));
}

/** One picture and what became of it. */
class Card {
  constructor(file, settings, retry) {
    this.file = file;
    this.unsureBelow = Number(settings.unsureBelow);
    this.maxBytes = Number(settings.maxBytes);
    this.retry = retry;
    this.key = globalThis.crypto?.randomUUID?.();
    this.body = element("div", "result-body");
    this.root = element("article", "result panel", [this.preview(), this.body]);
  }

  preview() {
    const picture = element("img", "preview", [], { alt: "" });
    picture.src = URL.createObjectURL(this.file);
    const blank = element("span", "thumb blank", "?", { "aria-hidden": "true" });
    picture.addEventListener("error", () => picture.replaceWith(blank));
    return picture;
  }

  show(...children) {
    this.body.replaceChildren(...children, element("p", "muted small clip", this.file.name));
  }

  /** Sends the picture; true where a prediction was stored. */
  async classify(url) {
    if (this.file.size > this.maxBytes) {
      this.fail("This picture is too large.", false);
      return false;
    }
    this.show(element("p", "busy", "Looking at it…"));
    const form = new FormData();
    form.append("img", this.file);
    const headers = this.key ? { "Idempotency-Key": this.key } : {};
    try {
      const response = await fetch(url, { method: "POST", body: form, headers });
      if (response.ok) this.succeed(await response.json());
      else this.fail(await problemOf(response), response.status >= 429);
      return response.ok;
    } catch {
      this.fail("The service cannot be reached.", true);
      return false;
    }
  }

  succeed(prediction) {
    const unsure = prediction.confidence < this.unsureBelow;
    const title = element("h3", "result-title", [
      plain(prediction.predicted_label),
      " ",
      element("span", "result-share", percent(prediction.confidence)),
    ]);
    const doubt = element(
      "p",
      "notice warn",
      "The model is unsure: it may be something else. A closer or brighter picture can help.",
    );
    const scores = Object.entries(prediction.all_scores).slice(0, LEADING_SCORES);
    const rows = scores.map(([label, share]) =>
      element("li", "", [
        element("span", "bar-name", plain(label)),
        bar(share),
        element("span", "bar-value", percent(share)),
      ]),
    );
    this.show(title, ...(unsure ? [doubt] : []), element("ul", "bars", rows));
  }

  fail(sentence, worthAnotherTry) {
    const message = element("p", "notice bad", sentence, { role: "alert" });
    const again = element("button", "button", "Try again", { type: "button" });
    again.addEventListener("click", this.retry);
    this.show(message, ...(worthAnotherTry ? [again] : []));
  }
}
