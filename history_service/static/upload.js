// Pictures that are chosen, dropped, pasted or photographed become cards with their results.

import { Card } from "./card.js";

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
    try {
      if (await queue.shift().classify(form.action)) stored();
    } finally {
      running -= 1;
      next();
    }
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
