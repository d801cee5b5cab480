// One message at the bottom: what was done, with an undo for some seconds, or why it was not.
import { say } from "./api.js";

const toast = document.getElementById("toast");
for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("close", () => document.body.append(toast));
}
const UNDO_MS = 12_000;
const WRONG_MS = 9_000;
let ends = 0;
let undo = null;

/** Say what was done. `back`: undoes it. */
export function done(text, back = null) {
  show(text, "", back ? UNDO_MS : 4_000);
  undo = back;
  if (!back) return;
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = say("undo");
  button.addEventListener("click", undoLast);
  toast.append(button);
}

/** Say why something was not done. */
export function refused(text) {
  undo = null;
  show(text, "wrong", WRONG_MS);
}

/** Undo what the toast shows, if it can be. */
export async function undoLast() {
  const back = undo;
  undo = null;
  if (!back) return;
  hide();
  await back();
}

function show(text, kind, ms) {
  clearTimeout(ends);
  // an open dialog covers what is not in it
  (document.querySelector("dialog[open]") ?? document.body).append(toast);
  toast.replaceChildren();
  const said = document.createElement("span");
  said.textContent = text;
  toast.append(said);
  toast.className = `toast ${kind}`;
  toast.hidden = false;
  ends = setTimeout(hide, ms);
}

function hide() {
  // a hand on its way to the button, or the focus on it, keeps it
  if (undo && toast.matches(":hover, :focus-within")) {
    ends = setTimeout(hide, 2_000);
    return;
  }
  toast.hidden = true;
}
