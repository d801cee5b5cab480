// The list at the door: how long a newcomer would wait, who is called, whose quote is exceeded. The
// server simulates the floor for it, so it is asked for less often than the book.
import { page, slug } from "./api.js";
import { afterRefresh } from "./refresh.js";

const stand = document.getElementById("stand");
const EVERY_MS = 20_000;
const SOON_MS = 500;
let asked = 0;
let timer = 0;
let shown = null;
let known = "";

export function showWaits() {
  if (document.querySelector("[data-waits]")) afterRefresh(after);
}

function after() {
  if (shown) lay();
  if (stand.dataset.day !== stand.dataset.today) return;
  clearTimeout(timer);
  const since = Date.now() - asked;
  const wait = Math.max(SOON_MS, EVERY_MS - since);
  // whoever joins, is called or leaves is shown at once
  const isNews = known !== entries();
  timer = setTimeout(ask, isNews ? Math.max(0, SOON_MS - since) : wait);
}

/** Who waits, each as of its last change. */
function entries() {
  const rows = document.querySelectorAll(".section-waitlist .row");
  return [...rows].map(({ dataset }) => `${dataset.id}.${dataset.revision}`).join(" ");
}

async function ask() {
  asked = Date.now();
  known = entries();
  timer = setTimeout(ask, 3 * EVERY_MS); // time passes without an act, too
  const fresh = await page(`/stand/${slug}/waits`);
  if (!fresh?.getElementById("waits-now")) return;
  shown = fresh;
  lay();
}

/** Put the parts where they belong; each refresh of the book has taken them away. */
function lay() {
  const put = (place, name) =>
    place?.replaceChildren(...copy(shown.getElementById(name)).childNodes);
  put(document.querySelector("[data-waits]"), "waits-now");
  const warnings = document.querySelector("[data-door-warnings]");
  put(warnings, "waits-warnings");
  const box = warnings.closest(".warnings");
  box.hidden = !box.querySelector("li");
  box.querySelector(".number").textContent = box.querySelectorAll("li").length;
  for (const entry of shown.querySelectorAll("[data-entry]")) {
    const more = document.querySelector(`#r${entry.dataset.entry} .more`);
    more?.querySelector("[data-laid]")?.remove();
    if (!more || !entry.firstElementChild) continue;
    const flag = copy(entry.firstElementChild);
    flag.dataset.laid = "";
    more.append(" ", flag);
  }
}

const copy = (element) => document.importNode(element, true);
