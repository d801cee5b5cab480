// The page of the guest book: who is found, while one types.
import { say } from "./api.js";
import { listenToDialogs } from "./dialogs.js";
import { listenToGuests } from "./guest_acts.js";
import { listenToKeys } from "./keys.js";
import { refused } from "./toast.js";
import { listenToVerbs } from "./verbs.js";

const form = document.getElementById("guest-search");
const hits = document.getElementById("hits");
const WAIT_MS = 250;
let typing = 0;
let asked = 0;

/** The text goes in the body: no address, and so no log, contains it. */
async function search() {
  clearTimeout(typing);
  const mine = ++asked;
  try {
    const answer = await fetch(location.pathname, {
      method: "POST",
      credentials: "same-origin",
      body: new URLSearchParams(new FormData(form)),
      signal: AbortSignal.timeout(20_000),
    });
    if (answer.redirected) location.reload();
    if (mine !== asked || !answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    hits.replaceChildren(...document.importNode(page.getElementById("hits"), true).childNodes);
  } catch {
    if (mine === asked) refused(say("no_answer"));
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  search();
});
form.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(search, WAIT_MS);
});
document.addEventListener("click", (event) => {
  const menu = document.querySelector(".menu[open]");
  if (menu && !menu.contains(event.target)) menu.removeAttribute("open");
});
listenToVerbs();
listenToDialogs();
listenToGuests();
listenToKeys();
document.documentElement.dataset.ready = ""; // from here on it acts on taps and keys
