// The verbs: one tap, sent with the revision that the host saw; undone from the toast.
import { call, say, words } from "./api.js";
import { refresh } from "./refresh.js";
import { clockText, nameOf, refusal } from "./refusals.js";
import { done, refused } from "./toast.js";

/** Verbs that do not name the state they act on; they are safe to repeat. */
const NAMELESS = new Set(["leave", "cancel", "pass-over"]);
/** Verbs that ask first. */
const ASKED = new Set(["cancel"]);
/** Steps that the server undoes itself, by its rules. */
const STEPS = new Set(document.getElementById("stand").dataset.undoable?.split(" "));

/** Send a verb for one reservation. Returns the reservation, or null if it was refused. */
export async function act(verb, party, more = {}, { fails = refused } = {}) {
  const { id, revision, from, name } = party;
  const headers = revision ? { "If-Match": `"${revision}"` } : {};
  const what = NAMELESS.has(verb) ? { ...more } : { from, ...more };
  const answer = await call("POST", `/reservations/${id}/${verb}`, what, headers);
  if (answer.ok) {
    const tables = (answer.body.tables ?? []).join(" + ");
    done(said(verb, answer.body, { name, tables }), undoOf(verb, party, more, answer.body));
    await refresh();
    return answer.body;
  }
  await refresh();
  fails(await why(answer, party), answer);
  // a panel of this party still shows what it was
  if (isStale(answer)) document.dispatchEvent(new CustomEvent("stale", { detail: id }));
  return null;
}

/** What was done, and to whom else. */
function said(verb, body, values) {
  const moved = (body.affected ?? []).map((each) => affectedText(each));
  return [say(verb, values), ...moved].join(" · ");
}

/** Another party that an act moved, or whose turn it cut. */
export function affectedText(each) {
  const name = nameOf(each.id, each.reference);
  if (each.cut) return say("cut", { name, time: clockText(each.end) });
  return say("moved", { name, tables: each.to_tables.join(" + ") });
}

/** How an act is undone; null: by hand only. */
function undoOf(verb, party, more, { id, status, revision, name = party.name }) {
  const now = { id, from: status, revision, name: party.name ?? name };
  const isMove = verb === "seat" && party.from === "seated";
  if (STEPS.has(verb) && !isMove && !(verb === "arrive" && party.from === status)) {
    return () => act("take-back", { ...now, revision: undefined });
  }
  if (verb === "lock") return () => act("unlock", now);
  if (verb === "unlock") return () => act("lock", now);
  if ((verb === "assign" || isMove) && party.tables?.length) {
    return () => act("assign", now, { tables: party.tables });
  }
  if (verb === "swap") return () => act("swap", now, { with: more.with });
  if (verb === "extend" && party.ends) return () => act("extend", now, { until: party.ends });
  return verb === "late" ? () => act("late", now, { until: party.expected ?? null }) : null;
}

const isStale = ({ status, body }) => status === 412 || body.code === "state-conflict";

/** The reason; for a stale act, what the reservation is now. */
async function why(answer, { id, name, from }) {
  return answer.status === 412 ? whatChanged(id, name, from) : refusal(answer, name);
}

/** What another stand has made of a reservation that this one saw in the state `from`. */
export async function whatChanged(id, name, from) {
  const { ok, body } = await call("GET", `/reservations/${id}`);
  const status = words[`state_${body.status}`];
  if (!ok || !status) return say("stale", { name });
  if (from && from !== body.status) return say("stale_now", { name, status });
  const tables = (body.tables ?? []).join(" + ") || "–";
  return say("stale_place", { name, time: clockText(body.start), tables });
}

/** What the page says about a button's party: on the button, or on what it belongs to. */
export function partyOf(button) {
  const { id, revision, from, name, tables, ends, expected } =
    button.closest("[data-id]").dataset;
  return { id, revision, from, name, ends, expected, tables: tables?.split("\n").filter(Boolean) };
}

export function listenToVerbs() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-verb]");
    if (!button || button.disabled) return;
    const party = partyOf(button);
    const verb = button.dataset.verb;
    if (ASKED.has(verb) && !confirm(say(`${verb}_sure`, party))) return;
    button.disabled = true;
    button.setAttribute("aria-busy", "true");
    const dialog = button.closest("dialog");
    const made = await act(verb, party, JSON.parse(button.dataset.more ?? "{}"));
    button.disabled = false;
    button.removeAttribute("aria-busy");
    if (made && dialog && !button.closest("[data-stays]")) dialog.close();
  });
}
