// The book's event stream: each change of another stand is shown within a second. A lost line is
// said, the page goes on showing what it has, and catches up when the line is back.
import { say, slug } from "./api.js";
import { refresh } from "./refresh.js";

const stand = document.getElementById("stand");
const banner = document.getElementById("line");
/** The server speaks at least every second. */
const SILENCE_MS = 12_000;
const AGAIN_MS = 500;
const LONGEST_MS = 8_000;
/** Without a stream (the server has too many) the book is read this often. */
const POLL_MS = 5_000;

let seen = stand.dataset.revision;
let lastGood = Date.now();
let lostSince = 0;

export function listen() {
  follow();
  setInterval(minute, 30_000);
  setInterval(show, 1_000);
  addEventListener("online", () => refresh());
}

async function follow() {
  let wait = AGAIN_MS;
  for (;;) {
    const heard = await read().catch(() => false);
    wait = heard ? AGAIN_MS : Math.min(wait * 2, LONGEST_MS);
    if (!heard && (await refresh())) good();
    await new Promise((done) => setTimeout(done, heard ? wait : Math.min(wait, POLL_MS)));
  }
}

/** Read one stream to its end. Returns whether it said anything. */
async function read() {
  const stop = new AbortController();
  let guard = setTimeout(() => stop.abort(), SILENCE_MS);
  const path = `/api/v1/restaurants/${slug}/book/events?date=${stand.dataset.day}`;
  const day = stand.dataset.day;
  let heard = false;
  try {
    const answer = await fetch(path, {
      credentials: "same-origin",
      headers: { Accept: "text/event-stream", "Last-Event-ID": seen },
      signal: stop.signal,
    });
    if (answer.status === 401) location.reload();
    if (!answer.ok) return false;
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done || day !== stand.dataset.day) return heard;
      clearTimeout(guard);
      guard = setTimeout(() => stop.abort(), SILENCE_MS);
      heard = true;
      good();
      text += value;
      for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
        await event(text.slice(0, end));
      }
    }
  } catch {
    lost();
    return false;
  } finally {
    clearTimeout(guard);
    stop.abort();
  }
}

async function event(block) {
  const id = /^id: (\d+)$/m.exec(block)?.[1];
  if (id === undefined || id === seen) return;
  if (await refresh()) seen = id;
}

async function minute() {
  if (document.visibilityState === "visible" && (await refresh())) good();
}

function good() {
  lastGood = Date.now();
  lostSince = 0;
  show();
}

function lost() {
  lostSince ||= Date.now();
  show();
}

function show() {
  const isLost = (lostSince && Date.now() - lostSince > 2_000) || !navigator.onLine;
  if (isLost && banner.hidden) {
    const time = new Date(lastGood).toLocaleTimeString(document.documentElement.lang, {
      hour: "2-digit",
      minute: "2-digit",
      timeZone: stand.dataset.zone,
    });
    banner.textContent = say("lost", { time });
  }
  if (banner.hidden === Boolean(isLost)) banner.hidden = !isLost;
  document.body.classList.toggle("is-lost", Boolean(isLost));
}
