// Search by name, phone digits, reference or table, in what the page shows.
import { say } from "./api.js";
import { afterRefresh } from "./refresh.js";

const box = document.getElementById("search");
const said = document.getElementById("said");

export function listenToSearch() {
  box.addEventListener("input", () => {
    const found = filter();
    if (box.value.trim()) said.textContent = say("found", { n: found });
  });
  afterRefresh(filter);
}

function filter() {
  const wanted = box.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const row of document.querySelectorAll("[data-search]")) {
    const text = row.dataset.search;
    const fits = wanted.every((word) => text.includes(word) || text.includes(digits(word)));
    row.classList.toggle("is-out", !fits);
    found += fits ? 1 : 0;
  }
  if (wanted.length) document.getElementById("d-gone")?.setAttribute("open", "");
  return found;
}

/** A phone number as it is typed, as its digits; a word without a number stays as it is. */
function digits(word) {
  const only = word.replace(/[+()/.-]/g, "").replace(/^0+/, "");
  return /^\d+$/.test(only) ? only : word;
}
