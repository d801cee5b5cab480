// The verbs: one tap, sent with the revision that the host saw; undone from the toast.
import { call, refusal, say, words } from "./api.js";
import { refresh } from "./refresh.js";
import { done, refused } from "./toast.js";

/** Verbs that do not name the state they act on; they are safe to repeat. */
const NAMELESS = new Set(["leave", "cancel"]);

/** Send a verb for one reservation. Returns the reservation, or null if it was refused. */
export async function act(verb, { id, revision, from, name }, more = {}) {
  const headers = revision ? { "If-Match": `"${revision}"` } : {};
  const state = NAMELESS.has(verb) ? undefined : from;
  const what = { from: state, ...more };
  const answer = await call("POST", `/reservations/${id}/${verb}`, what, headers);
  if (answer.ok) {
    const { status, revision: now } = answer.body;
    const back = verb === "take-back" ? null : () => takeBack({ id, from: status, name });
    done(say(verb, { name, tables: (answer.body.tables ?? []).join(" + ") }), back);
    await refresh();
    return { ...answer.body, revision: now };
  }
  await refresh();
  refused(await why(answer, id, name));
  return null;
}

async function takeBack(party) {
  await act("take-back", party);
}

/** The reason; for a stale act, what the reservation is now. */
async function why(answer, id, name) {
  const is_stale = answer.status === 412 || answer.body.code === "state-conflict";
  if (!is_stale) return refusal(answer, name);
  const now = await call("GET", `/reservations/${id}`);
  const status = words[`state_${now.body.status}`];
  if (answer.status === 409 && answer.body.detail) {
    return say("failed", { detail: answer.body.detail });
  }
  return status ? say("stale_now", { name, status }) : say("stale", { name });
}

/** What a button says about its party. */
export function partyOf(button) {
  const { id, revision, from, name } = button.dataset;
  return { id, revision, from, name };
}

export function listenToVerbs() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-verb]");
    if (!button || button.disabled) return;
    const party = partyOf(button);
    if (button.dataset.verb === "cancel" && !confirm(say("cancel_sure", party))) return;
    button.disabled = true;
    button.setAttribute("aria-busy", "true");
    const dialog = button.closest("dialog");
    const made = await act(button.dataset.verb, party);
    button.disabled = false;
    button.removeAttribute("aria-busy");
    if (made && dialog) dialog.close();
  });
}
