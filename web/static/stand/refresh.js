// Shows the newest state of the page: fetched whole, and laid over what is shown, part by part, so
// that focus, scroll position and open menus stay.
import { page } from "./api.js";

const stand = document.getElementById("stand");
const later = [];
let running = null;
let again = false;

/** Call `work` after each refresh, and now. */
export function afterRefresh(work) {
  later.push(work);
  work();
}

/** Fetch the page again and show it. Calls while one runs are joined into one more. */
export async function refresh() {
  if (running) {
    again = true;
    return running;
  }
  running = once();
  const done = await running;
  running = null;
  if (again) {
    again = false;
    return refresh();
  }
  return done;
}

async function once() {
  const fresh = await page(location.href);
  const data = fresh?.getElementById("stand")?.dataset;
  if (!data) return false;
  patch(document.getElementById("view"), fresh.getElementById("view"));
  for (const name of ["revision", "now", "day", "today", "pageToken"]) {
    stand.dataset[name] = data[name];
  }
  for (const work of later) work();
  return true;
}

/** Make the element `old` like `fresh`. Children with an id are found wherever they were. */
export function patch(old, fresh) {
  for (const { name } of [...old.attributes]) {
    const kept = name === "open" || name === "style"; // what the reader or a script has set
    if (!fresh.hasAttribute(name) && !kept) old.removeAttribute(name);
  }
  for (const { name, value } of [...fresh.attributes]) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  const known = new Map();
  for (const child of old.children) if (child.id) known.set(child.id, child);
  let at = old.firstChild;
  for (const next of [...fresh.childNodes]) {
    const same = next.id ? known.get(next.id) : alike(at, next) ? at : null;
    if (!same) {
      old.insertBefore(document.importNode(next, true), at);
      continue;
    }
    if (same === at) at = at.nextSibling;
    else old.insertBefore(same, at);
    if (same.nodeType === Node.ELEMENT_NODE) {
      if (!same.isEqualNode(next)) patch(same, next);
    } else if (same.nodeValue !== next.nodeValue) same.nodeValue = next.nodeValue;
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

function alike(old, fresh) {
  return old && !old.id && old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName;
}
