// Ties the parts of the page together.

import { refresh, startDeleting, startHistory } from "./history.js";
import { startUploads } from "./upload.js";

const list = document.getElementById("history-list");
const statistics = document.getElementById("statistics-body");

function refreshBoth() {
  refresh(list, new URLSearchParams(location.search));
  refresh(statistics);
}

startUploads(document.getElementById("upload"), document.getElementById("results"), refreshBoth);
startHistory(list, document.getElementById("filters"));
startDeleting(list, document.getElementById("delete-dialog"), refreshBoth);
