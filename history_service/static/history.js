// The history without reloading the page: filters, pages, and deleting with a key.

import { UNREACHABLE, element, problemOf } from "./elements.js";

const asked = new WeakMap(); // how often each part was: an answer that others overtook comes too late

/** Loads a part of the page anew, or says above it why not. query: URLSearchParams. */
export async function refresh(part, query = new URLSearchParams()) {
  const time = (asked.get(part) ?? 0) + 1;
  asked.set(part, time);
  const { html, problem } = await load(`${part.dataset.url}?${query}`);
  if (asked.get(part) !== time) return;
  if (problem === undefined) replace(part, html);
  else sayStale(part, problem, () => refresh(part, query));
}

async function load(url) {
  try {
    const response = await fetch(url);
    return response.ok ? { html: await response.text() } : { problem: await problemOf(response) };
  } catch {
    return { problem: UNREACHABLE };
  }
}

/** Whoever was in the part is led to its heading, not to the top of the page. */
function replace(part, html) {
  const inside = part.contains(document.activeElement);
  part.innerHTML = html; // escaped by the templates
  const section = part.closest("section");
  if (inside) section.querySelector("h2").focus({ preventScroll: true });
  // A live region that is replaced itself is not read aloud.
  const status = section.querySelector("[role=status].unseen");
  if (status) status.textContent = part.querySelector("[data-status]")?.textContent ?? "";
}

function sayStale(part, problem, retry) {
  const again = element("button", "button", "Try again", { type: "button" });
  again.addEventListener("click", retry);
  const words = element("p", "", [problem, " What is below is not up to date."]);
  part.querySelector(".stale")?.remove();
  part.prepend(element("div", "notice bad stale", [words, again], { role: "alert" }));
}

/** Filters and pages change the list in place and stay in the address. */
export function startHistory(list, filters) {
  function go(query) {
    history.replaceState(null, "", `?${query}#history`);
    return refresh(list, query);
  }

  filters.addEventListener("submit", (event) => {
    event.preventDefault();
    go(filled(filters));
  });
  filters.addEventListener("change", () => go(filled(filters)));
  filters.querySelector("[data-clear]").addEventListener("click", (event) => {
    event.preventDefault();
    for (const field of filters.elements) if (field.name) field.value = "";
    go(new URLSearchParams());
  });
  list.addEventListener("click", async (event) => {
    const link = event.target.closest("a[data-page]");
    if (!link) return;
    event.preventDefault();
    await go(new URL(link.href).searchParams);
    list.scrollIntoView({ block: "start" });
    list.querySelector("a[data-page]")?.focus({ preventScroll: true });
  });
}

function filled(form) {
  const query = new URLSearchParams(new FormData(form));
  for (const [name, value] of [...query]) if (!value) query.delete(name);
  return query;
}

/** Asks for a key, deletes, and says what went wrong. The key lives as long as the tab.
 *
 * deleted: called with the number of the prediction that is gone.
 */
export function startDeleting(list, dialog, deleted) {
  const form = dialog.querySelector("form");
  const alert = dialog.querySelector("[role=alert]");
  let number;

  list.addEventListener("click", (event) => {
    const button = event.target.closest("[data-delete]");
    if (!button) return;
    number = button.dataset.delete;
    dialog.querySelector("[data-what]").textContent = button.dataset.what;
    form.elements.key.value = sessionStorage.getItem("key") ?? "";
    alert.hidden = true;
    dialog.showModal();
  });

  form.addEventListener("submit", async (event) => {
    if (event.submitter?.value !== "delete") return;
    event.preventDefault();
    const key = form.elements.key.value;
    const headers = { Authorization: `Bearer ${key}` };
    const response = await fetch(`predictions/${number}`, { method: "DELETE", headers }).catch(
      () => null,
    );
    if (response?.ok) {
      sessionStorage.setItem("key", key);
      dialog.close();
      deleted(number);
    } else {
      if (response) sessionStorage.removeItem("key");
      alert.textContent = response ? await problemOf(response) : UNREACHABLE;
      alert.hidden = false;
    }
  });
}
