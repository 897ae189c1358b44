// One picture that was added to the page, and what became of it.

import { UNREACHABLE, bar, element, percent, plain, problemOf } from "./elements.js";
import { whyToggle } from "./why.js";

const LEADING_SCORES = 5;
const UNKNOWN = "This does not look like any of the categories";
const UNSURE =
  "The model is unsure: it may be something else. A closer or brighter picture can help.";

/** What went wrong, as a sentence for people. again: whether another try makes sense. */
class Trouble extends Error {
  constructor(sentence, again) {
    super(sentence);
    this.again = again;
  }
}

export class Card {
  /** settings: the form's data-…; retry: called where somebody asks for another try. */
  constructor(file, settings, retry) {
    this.file = file;
    this.unsureBelow = Number(settings.unsureBelow);
    this.maxBytes = Number(settings.maxBytes);
    this.retry = retry;
    this.key = randomKey();
    this.body = element("div", "result-body");
    this.frame = element("div", "frame", this.preview());
    this.root = element("article", "result panel", [this.frame, this.body]);
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

  /** Classifies the picture and shows the result; true where a prediction was stored. */
  async classify(url) {
    this.show(element("p", "busy", "Looking at it…"));
    try {
      this.succeed(await this.send(url), url);
      return true;
    } catch (trouble) {
      if (!(trouble instanceof Trouble)) throw trouble;
      this.fail(trouble);
      return false;
    }
  }

  /** The service's answer. Under the card's key it stores the picture once, however often it asks. */
  async send(url) {
    if (this.file.size > this.maxBytes) throw new Trouble("This picture is too large.", false);
    const form = new FormData();
    form.append("img", this.file);
    const headers = { "Idempotency-Key": this.key };
    let response, answer;
    try {
      response = await fetch(url, { method: "POST", body: form, headers });
      if (response.ok) answer = await response.json(); // fails where the answer is cut short
    } catch {
      throw new Trouble(UNREACHABLE, true);
    }
    const again = response.status === 408 || response.status >= 429; // too slow, too often, ours
    if (!response.ok) throw new Trouble(await problemOf(response), again);
    return answer;
  }

  succeed(prediction, url) {
    const label = plain(prediction.predicted_label);
    const why = whyToggle(this.frame, label, async () => {
      return (await this.send(`${url}?explain=true`)).heat_map;
    });
    this.root.dataset.prediction = prediction.id;
    this.show(...this.verdict(prediction, label), scores(prediction.all_scores), why);
  }

  verdict(prediction, label) {
    const share = percent(prediction.confidence);
    if (prediction.known === false) {
      const guess = [`Best guess: ${label}, `, element("span", "unbroken", share)];
      return [element("h3", "result-title", UNKNOWN), element("p", "", guess)];
    }
    const shown = element("span", "result-share", share);
    const title = element("h3", "result-title", [label, " ", shown]);
    const unsure = prediction.confidence < this.unsureBelow;
    return unsure ? [title, element("p", "notice warn", UNSURE)] : [title];
  }

  fail(trouble) {
    const message = element("p", "notice bad", trouble.message, { role: "alert" });
    const again = element("button", "button", "Try again", { type: "button" });
    again.addEventListener("click", this.retry);
    this.show(message, ...(trouble.again ? [again] : []));
  }
}

function scores(allScores) {
  // Names that are whole numbers come first in a JavaScript object, whatever their order was.
  const ordered = Object.entries(allScores).sort(([, one], [, other]) => other - one);
  const rows = ordered.slice(0, LEADING_SCORES).map(([label, share]) =>
    element("li", "", [
      element("span", "bar-name", plain(label)),
      bar(share),
      element("span", "bar-value", percent(share)),
    ]),
  );
  return element("ul", "bars", rows);
}

/** Not crypto.randomUUID: browsers have that over HTTPS and on the own machine only. */
function randomKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
