// The panel beside the list: a party, a walk-in, a booking. Its content is a page of the server.
import { call, page, say, slug } from "./api.js";
import { atFields, choices, isSound, listenToFields } from "./fields.js";
import { propose } from "./propose.js";
import { refresh } from "./refresh.js";
import { clockText, refusal } from "./refusals.js";
import { done, refused } from "./toast.js";
import { act, partyOf, whatChanged } from "./verbs.js";

const panel = document.getElementById("panel");
const body = document.getElementById("panel-body");
const stand = document.getElementById("stand");
/** Warnings of a booking that the host is to read: who cannot book online. */
const MINDED = { blocked: "guest_mind_blocked", no_shows: "guest_mind_no_shows" };
let key = "";

/** Show a page of the stand in the panel. Returns whether there was an answer. */
export async function open(path) {
  const fresh = await page(`/stand/${slug}/${path}`);
  const content = fresh?.querySelector("#panel-content");
  if (!content) {
    refused(say("no_answer"));
    return false;
  }
  const unfolded = [...body.querySelectorAll("details[id][open]")].map((each) => each.id);
  body.replaceChildren(...document.importNode(content, true).childNodes);
  for (const id of unfolded) document.getElementById(id)?.setAttribute("open", "");
  key = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
  if (!panel.open) panel.showModal();
  panel.append(document.getElementById("toast")); // which the dialog would cover
  panel.scrollTop = 0;
  body.querySelector("[autofocus]")?.focus();
  return true;
}

export function listenToDialogs() {
  listenToFields();
  document.addEventListener("click", onClick);
  document.addEventListener("submit", onSubmit);
  document.addEventListener("stale", ({ detail: id }) => {
    const isShown = panel.open && body.querySelector(`.party-facts[data-id="${id}"]`);
    if (isShown) open(`party/${id}?date=${stand.dataset.day}`);
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-go-change]")) event.target.form.requestSubmit();
  });
}

async function onClick(event) {
  const target = event.target;
  if (target.closest("[data-close]") || target === panel) return panel.close();
  const party = target.closest("[data-party]");
  if (party) {
    const id = party.dataset.party || party.closest("[data-id]").dataset.id;
    return open(`party/${id}?date=${stand.dataset.day}`);
  }
  const name = target.closest("[data-open]")?.dataset.open;
  if (name) return open(`${name}?date=${stand.dataset.day}`);
  const go = target.closest("[data-go]")?.dataset.go;
  if (go) return open(go);
  const walkIn = target.closest("[data-walk-in]");
  if (walkIn) return seatWalkIn(walkIn);
  const door = target.closest("[data-door]");
  if (door) return putOnList(door);
  const assign = target.closest("[data-assign]");
  if (assign) return assignTables(assign);
  const shown = target.closest("[data-propose]");
  if (shown) await busy(shown, () => propose(shown.dataset.propose, partyOf(shown), more(shown)));
}

const more = (button) => JSON.parse(button.dataset.more ?? "{}");

/** What each form of the panel does. */
const FORMS = {
  booking: book,
  change,
  byHand: (form) => {
    const tables = new FormData(form).getAll("tables");
    return tables.length ? propose("assign", partyOf(form), { tables }) : null;
  },
  swap: (form) => propose("swap", partyOf(form), { with: form.elements.with.value }),
  passOver: (form) => answer(form, "pass-over", { why: form.elements.why.value.trim() }),
  decline: (form) => {
    const { message, notify } = form.elements;
    return answer(form, "decline", { message: message.value.trim(), notify: notify.checked });
  },
};

/** Send a form's verb; what is wrong is said in the form. */
async function answer(form, verb, what) {
  const made = await act(verb, partyOf(form), what, { fails: (text) => wrong(text, form) });
  if (made && !form.closest("[data-stays]")) panel.close();
}

async function onSubmit(event) {
  const form = event.target;
  if (form.dataset.goForm) {
    event.preventDefault();
    const asked = new URLSearchParams(new FormData(form));
    await open(`${form.dataset.goForm}&${asked}`);
    return;
  }
  const name = Object.keys(FORMS).find((each) => each in form.dataset);
  if (!name) return;
  event.preventDefault();
  const button = form.querySelector("button:not([type=button])");
  await busy(button, () => FORMS[name](form));
}

const labels = (button) => (button.dataset.tables ? button.dataset.tables.split("\n") : []);

async function seatWalkIn(button) {
  const name = document.getElementById("walk-name").value.trim() || button.dataset.defaultName;
  if (!isSound(body)) return;
  await send(button, {
    party_size: Number(button.dataset.size),
    guest: { name },
    tables: labels(button),
    walk_in: true,
    notify: false,
    force_pacing: button.dataset.force === "yes",
    ...overriding(document.getElementById("walk-why")),
    ...choices(body),
  });
}

/** What the host overrides: a party larger than its table seats, with the reasons given. */
function overriding(squeeze, other) {
  const [why, reason] = [squeeze, other].map((field) => field?.value.trim() ?? "");
  return { squeeze: why !== "", reason: [why, reason].filter(Boolean).join("; ") };
}

/** Without a free table: the list at the door. */
async function putOnList(button) {
  const name = document.getElementById("walk-name").value.trim() || button.dataset.defaultName;
  const what = { party_size: Number(button.dataset.size), guest: { name }, notify: false };
  const headers = { "Idempotency-Key": key };
  const path = `/restaurants/${slug}/door`;
  const answer = await busy(button, () => call("POST", path, what, headers));
  if (!answer.ok) return wrong(refusal(answer, name));
  panel.close();
  done(say("listed", { name }));
  await refresh();
}

async function book(form) {
  const button = form.querySelector(".main-button");
  const text = (name) => form.elements[name].value.trim();
  const guest = { name: text("name") };
  for (const name of ["phone", "email"]) if (text(name)) guest[name] = text(name);
  await send(button, {
    party_size: Number(form.dataset.size),
    start: form.dataset.start,
    guest,
    note: text("note"),
    tables: text("tables") ? text("tables").split("\n") : [],
    notify: form.elements.notify.checked,
    force_pacing: button.dataset.force === "yes",
    ...overriding(form.elements.squeeze, form.elements.reason),
    ...choices(form),
  });
}

/** Book. The key belongs to the open panel, so that a second tap books nothing more. */
async function send(button, what) {
  const path = `/restaurants/${slug}/book/reservations`;
  const answer = await busy(button, () => call("POST", path, what, { "Idempotency-Key": key }));
  if (!answer.ok) {
    if (answer.status && answer.status < 500) key = `${key}+`; // another try is another request
    return atFields(body, answer) ? null : wrong(refusal(answer, what.guest.name));
  }
  panel.close();
  const made = { id: answer.body.id, from: answer.body.status, name: what.guest.name };
  const undo = what.walk_in
    ? () => act("finish", made)
    : () => act("cancel", { ...made, from: undefined }, { notify: what.notify, from: undefined });
  const { name } = what.guest;
  const time = answer.body.end ? clockText(answer.body.end) : "";
  const warnings = (answer.body.warnings ?? []).map((each) =>
    say(MINDED[each] ?? `warn_${each}`, { name, time }),
  );
  done([say(what.walk_in ? "seat" : "booked", { name }), ...warnings].join(" · "), undo);
  await refresh();
}

/** Give a party these tables; a party that waits is seated there. Others are asked about first. */
async function assignTables(button) {
  const party = partyOf(button);
  const what = { tables: labels(button) };
  const isFree = !button.classList.contains("other");
  if (!isFree) return busy(button, () => propose("assign", party, what));
  const verb = party.from === "arrived" ? "seat" : "assign";
  const made = await busy(button, () => act(verb, party, what));
  if (made) panel.close();
}

async function change(form) {
  const { id, revision, name, from } = partyOf(form);
  const { was, area } = form.dataset;
  const fields = form.elements;
  const patch = { note: fields.note.value, staff_note: fields.staff_note.value };
  const size = Number(fields.size.value);
  if (size !== Number(form.closest("[data-size]").dataset.size)) patch.party_size = size;
  if (fields.start.value !== was) patch.start = withOffset(fields.start.value);
  if (fields.area.value !== area) patch.area = fields.area.value || null;
  patch.details = {
    allergies: fields.allergies.value.trim(),
    occasion: fields.occasion.value.trim(),
    vip: fields.vip.checked,
    tags: fields.tags.value.split(",").map((each) => each.trim()).filter(Boolean),
  };
  patch.notify = fields.notify.checked;
  const headers = { "If-Match": `"${revision}"` };
  const answer = await call("PATCH", `/reservations/${id}`, patch, headers);
  if (answer.status === 412) return wrong(await whatChanged(id, name, from));
  if (!answer.ok) return wrong(refusal(answer, name));
  panel.close();
  done(say("saved", { name }));
  await refresh();
}

/** A wall-clock time of the restaurant, with its offset. */
export function withOffset(text) {
  const guess = new Date(`${text}:00Z`);
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone: stand.dataset.zone,
    timeZoneName: "longOffset",
  }).formatToParts(guess);
  const offset = parts.find((part) => part.type === "timeZoneName").value.slice(3);
  return `${text}:00${offset || "+00:00"}`;
}

async function busy(button, work) {
  button.disabled = true;
  const answer = await work();
  button.disabled = false;
  return answer;
}

function wrong(text, form = body) {
  const place = form.querySelector("[data-wrong]");
  if (!place) return refused(text);
  place.textContent = text;
  place.hidden = false;
  place.scrollIntoView({ block: "nearest" });
}
