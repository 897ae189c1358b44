// Ties the parts of the page together.

import { refresh, startDeleting, startHistory } from "./history.js";
import { startUploads } from "./upload.js";

const list = document.getElementById("history-list");
const statistics = document.getElementById("statistics-body");
const results = document.getElementById("results");

function refreshBoth() {
  refresh(list, new URLSearchParams(location.search));
  refresh(statistics);
}

/** To explain what was deleted would send its picture again, and so store it again. */
function forget(number) {
  results.querySelector(`[data-prediction="${number}"] .why`)?.remove();
  refreshBoth();
}

startUploads(document.getElementById("upload"), results, refreshBoth);
startHistory(list, document.getElementById("filters"));
startDeleting(list, document.getElementById("delete-dialog"), forget);
