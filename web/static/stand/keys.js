// Keys. All have a modifier, or act only while a party's line has the focus.
import { undoLast } from "./toast.js";

export function listenToKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.altKey && !event.ctrlKey && !event.metaKey) return withAlt(event);
    const row = event.target.closest?.(".row");
    if (row && !event.ctrlKey && !event.metaKey) onRow(event, row);
    const isSearch = event.target.id === "search";
    if (isSearch && event.key === "ArrowDown") focusRow(event, rows()[0]);
    if (isSearch && event.key === "Escape") {
      event.target.value = "";
      event.target.dispatchEvent(new Event("input"));
    }
  });
}

function withAlt(event) {
  const key = event.key.toLowerCase(); // with the caps lock, too
  const view = { 1: "list", 2: "timeline", 3: "floor" }[key];
  const targets = {
    s: document.getElementById("search"),
    w: document.querySelector("[data-open=walk-in]"),
    b: document.querySelector("[data-open=booking]"),
    e: document.querySelector("[data-open=evening]"),
    r: document.querySelector("[data-open=requests]"),
    g: document.querySelector("[data-guests]"),
  };
  if (view) document.querySelector(`[data-view=${view}]`)?.click();
  else if (key === "z") undoLast();
  else if (key === "s") targets.s.focus();
  else if (targets[key]) targets[key].click();
  else return;
  event.preventDefault();
}

function onRow(event, row) {
  const all = rows();
  const at = all.indexOf(row);
  if (event.key === "ArrowDown" || event.key === "j") focusRow(event, all[at + 1]);
  else if (event.key === "ArrowUp" || event.key === "k") focusRow(event, all[at - 1]);
  else if (event.key === "n") {
    event.preventDefault();
    row.querySelector(".step")?.click();
  }
}

function rows() {
  return [...document.querySelectorAll(".row")].filter((row) => row.offsetParent);
}

function focusRow(event, row) {
  if (!row) return;
  event.preventDefault();
  row.querySelector(".party").focus();
}
