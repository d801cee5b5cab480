// The guest book: what a guest's record offers, and the known guest for a booking or a merge.
import { call, say, slug } from "./api.js";
import { open } from "./dialogs.js";
import { refusal } from "./refusals.js";
import { done, refused } from "./toast.js";

const book = `/restaurants/${slug}/guests`;
const WAIT_MS = 250;
/** How each act is taken back from the toast; the others have no way back but the same form. */
const BACK = { "/block": "/unblock", "/unblock": "/block", "/merge": "/unmerge", "/unmerge": "/merge" };
let typing = 0;
let asked = 0;

export function listenToGuests() {
  document.addEventListener("submit", (event) => {
    if ("spend" in event.target.dataset) {
      event.preventDefault();
      return spend(event.target);
    }
    if (!("guestAct" in event.target.dataset)) return;
    event.preventDefault();
    if (!event.target.dataset.picks) act(event.target);
  });
  document.addEventListener("input", (event) => {
    const form = event.target.closest("[data-picks]");
    const fields = ["name", "phone", "email"];
    if (!form || !fields.includes(event.target.name)) return;
    clearTimeout(typing);
    typing = setTimeout(() => propose(form, event.target.value.trim()), WAIT_MS);
  });
  document.addEventListener("keydown", (event) => {
    const form = event.target.closest?.("[data-picks]");
    if (form && (event.key === "ArrowDown" || event.key === "ArrowUp")) walk(event, form);
  });
}

/** Send what a form of the record says, and show the record as it is then. */
async function act(form, more = {}) {
  const { guest, guestAct, method, revision, name } = form.dataset;
  const body = { ...bodyOf(form), ...more };
  const buttons = [...form.querySelectorAll("button")];
  for (const button of buttons) button.disabled = true;
  const path = `${book}/${guest}${guestAct}`;
  const answer = await call(method.toUpperCase(), path, body, { "If-Match": `"${revision}"` });
  for (const button of buttons) button.disabled = false;
  if (!answer.ok) return wrong(refusal(answer, name));
  await open(`guests/${answer.body.id}`);
  const back = BACK[guestAct];
  done(say("saved", { name }), back && (() => takeBack(`${book}/${guest}${back}`, body, name)));
}

/** What a party spent: a comma is as good as a point. */
async function spend(form) {
  const { id, revision, name } = form.dataset;
  const amount = form.elements.amount.value.trim().replace(",", ".");
  const headers = { "If-Match": `"${revision}"` };
  const answer = await call("POST", `/reservations/${id}/spend`, { amount }, headers);
  if (!answer.ok) return wrong(refusal(answer, name));
  document.getElementById("panel").close();
  done(say("saved", { name }));
}

async function takeBack(path, body, name) {
  const what = path.endsWith("/block") || path.endsWith("merge") ? body : {};
  const answer = await call("POST", path, what);
  if (!answer.ok) return refused(refusal(answer, name));
  if (document.getElementById("panel").open) await open(`guests/${answer.body.id}`);
  done(say("take-back", { name }));
}

function bodyOf(form) {
  const body = {};
  for (const field of form.elements) {
    if (!field.name) continue;
    const { kind } = field.dataset;
    if (field.type === "checkbox") body[field.name] = field.checked;
    else if (kind === "bool") body[field.name] = field.value === "yes";
    else if (kind === "list") body[field.name] = parts(field.value);
    else body[field.name] = field.value.trim();
  }
  return body;
}

const parts = (text) => text.split(",").map((part) => part.trim()).filter(Boolean);

function wrong(text) {
  const place = document.querySelector("#panel-body [data-wrong]");
  if (!place) return refused(text);
  place.textContent = text;
  place.hidden = false;
  place.scrollIntoView({ block: "nearest" });
}

/** Show who could be meant by what was typed; a stale answer is dropped. */
async function propose(form, text) {
  const list = form.querySelector("[data-known]");
  const mine = ++asked;
  const answer = text.length < 3 ? null : await call("POST", `${book}/search`, { text });
  if (mine !== asked) return;
  const guests = answer?.ok ? answer.body.guests : [];
  const others = guests.filter((guest) => guest.id !== form.dataset.guest).slice(0, 6);
  list.replaceChildren(...others.map((guest) => choice(guest, form)));
  if (others.length) list.prepend(heading());
  list.hidden = !others.length;
}

function heading() {
  const text = document.createElement("p");
  text.className = "quiet";
  text.setAttribute("role", "status");
  text.textContent = say("guest_known");
  return text;
}

function choice(guest, form) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "known-guest";
  const facts = [guest.phone, guest.email, say("guest_visits", { n: guest.visits })];
  if (guest.no_shows) facts.push(say("guest_no_shows", { n: guest.no_shows }));
  if (guest.vip) facts.push("VIP");
  if (guest.blocked) facts.push(say("guest_blocked"));
  button.append(line("b", guest.name), line("span", facts.filter(Boolean).join(" · ")));
  button.addEventListener("click", () => pick(form, guest));
  return button;
}

function line(kind, text) {
  const made = document.createElement(kind);
  made.textContent = text;
  return made;
}

async function pick(form, guest) {
  if (form.dataset.picks === "merge") return act(form, { guest: guest.id, name: undefined });
  const answer = await call("GET", `${book}/${guest.id}`);
  if (!answer.ok) return wrong(refusal(answer, guest.name));
  const record = answer.body;
  const contact = (channel) =>
    record.contacts.find((each) => each.channel === channel)?.contact ?? "";
  form.elements.name.value = record.name;
  form.elements.phone.value = contact("sms");
  form.elements.email.value = contact("email");
  const list = form.querySelector("[data-known]");
  list.replaceChildren(...aboutGuest(record).map((text) => line("p", text)));
  list.hidden = !list.childElementCount;
  form.elements.note.focus();
}

/** What the host should know before booking for this guest. */
function aboutGuest(record) {
  const found = [];
  if (record.online_refused === "blocked") found.push(say("guest_warn_blocked"));
  if (record.online_refused === "no_shows") found.push(say("guest_warn_no_shows"));
  if (record.allergies) found.push(say("guest_allergies", { text: record.allergies }));
  if (record.notes.length) found.push(record.notes[0].text ?? "");
  return found;
}

function walk(event, form) {
  const choices = [...form.querySelectorAll(".known-guest")];
  const at = choices.indexOf(event.target);
  const next = choices[at + (event.key === "ArrowDown" ? 1 : -1)];
  if (!next) return;
  event.preventDefault();
  next.focus();
}
