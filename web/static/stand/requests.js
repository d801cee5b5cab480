// The panel of the requests that wait: while it is open it is asked for again after each change of
// the book, and every few seconds, because most requests are for other days than the one shown.
import { page, slug } from "./api.js";
import { afterRefresh, patch } from "./refresh.js";

const EVERY_MS = 5_000;

export function showRequests() {
  afterRefresh(renew);
  setInterval(renew, EVERY_MS);
}

/** What is typed, unfolded and in focus stays: the new list is laid over the old one. */
async function renew() {
  if (!document.querySelector("dialog[open] [data-requests]")) return;
  if (document.visibilityState !== "visible") return;
  const fresh = (await page(`/stand/${slug}/requests`))?.querySelector("[data-requests]");
  const shown = document.querySelector("dialog[open] [data-requests]");
  if (fresh && shown) patch(shown, fresh);
}
