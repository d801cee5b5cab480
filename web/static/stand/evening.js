// The evening's panel: blocks, online booking, closing, cancelling several. What hurts guests is
// shown first; the act carries the revision of the book that the panel showed.
import { call, page, say, slug } from "./api.js";
import { open, withOffset } from "./dialogs.js";
import { atFields } from "./fields.js";
import { refresh } from "./refresh.js";
import { clockText, nameOf, refusal } from "./refusals.js";
import { done, refused } from "./toast.js";

const base = `/restaurants/${slug}`;
const KINDS = { block, closeArea, stop, closeBook, cancelMany, divide, byServer };

export function listenToEvening() {
  document.addEventListener("submit", (event) => {
    const kind = Object.keys(KINDS).find((name) => name in event.target.dataset);
    if (!kind) return;
    event.preventDefault();
    send(event.target, KINDS[kind](event.target), event.submitter);
  });
  document.addEventListener("click", (event) => {
    const lift = event.target.closest("[data-lift]");
    if (lift) once(lift, `${base}/blocks/${lift.dataset.lift}/lift`, {}, say("lifted"));
    const reopen = event.target.closest("[data-reopen]");
    if (!reopen) return;
    const what = { date: dayOf(reopen), shift: reopen.dataset.reopen };
    once(reopen, `${base}/book/reopen`, what, say("reopened"));
  });
  document.addEventListener("change", (event) => {
    const form = event.target.closest(".evening form");
    if (form) hideResult(form); // what was shown was about something else
    if (event.target.name === "area") tickTables(event.target);
  });
}

const dayOf = (element) => element.closest("[data-date]").dataset.date;
const text = (form, name) => form.elements[name].value.trim();

/** The values that are given: nothing is sent for a field that is empty. */
function given(form, ...names) {
  const found = names.map((name) => [name, text(form, name)]);
  return Object.fromEntries(found.filter(([, value]) => value));
}

function block(form) {
  const tables = new FormData(form).getAll("tables");
  const body = {
    tables,
    ...given(form, "from", "until", "reason"),
    parties: form.elements.move.checked ? "move" : "refuse",
  };
  const texts = ({ parties }) => parties.map(settled);
  return { path: `${base}/blocks`, body, texts, said: () => say("blocked") };
}

/** A whole area, from one moment to another, on this day or over several. */
function closeArea(form) {
  const times = Object.entries(given(form, "from", "until"));
  const body = {
    ...given(form, "area", "reason"),
    ...Object.fromEntries(times.map(([name, at]) => [name, withOffset(at)])),
    parties: form.elements.move.checked ? "move" : "refuse",
  };
  const texts = ({ parties }) => parties.map(settled);
  // the panel knows the revision of its own day alone
  const isThatDay = !body.from || body.from.startsWith(dayOf(form));
  const path = `${base}/blocks`;
  return { path, body, texts, said: () => say("blocked"), guarded: isThatDay };
}

function stop(form) {
  const covers = Number(form.elements.covers.value);
  const body = { date: dayOf(form), covers, ...given(form, "shift", "from", "reason") };
  return { path: `${base}/book/stop`, body, said: () => say(covers ? "limited" : "stopped") };
}

function closeBook(form) {
  const body = {
    date: dayOf(form),
    ...given(form, "shift", "from", "reason", "parties", "message"),
    notify: form.elements.notify.checked,
  };
  return { path: `${base}/book/close`, body, texts: hurtTexts, said: () => say("closed_now") };
}

function cancelMany(form) {
  const reservations = new FormData(form).getAll("reservations");
  const notify = form.elements.notify.checked;
  const body = { reservations, ...given(form, "message"), notify };
  const said = ({ parties }) => say("cancelled_n", { n: count(parties) });
  return { path: `${base}/book/cancel`, body, texts: hurtTexts, said };
}

/** So many sections of about as many covers as there are servers. */
function divide(form) {
  const names = text(form, "servers").split(",").map((each) => each.trim());
  return sectionsOf(form, names.filter(Boolean).map((server) => ({ server, tables: [] })));
}

/** Each table to its server, as chosen by hand. */
function byServer(form) {
  const tables = new Map();
  for (const [label, server] of new FormData(form)) {
    if (server) tables.set(server, [...(tables.get(server) ?? []), label]);
  }
  return sectionsOf(form, [...tables].map(([server, labels]) => ({ server, tables: labels })));
}

function sectionsOf(form, sections) {
  const body = { date: dayOf(form), shift: form.dataset.shift, sections };
  const texts = ({ sections: found }) =>
    found.map(({ server, tables, covers_to_come: n }) =>
      say("section", { server, tables: tables.join(", "), n }),
    );
  return { method: "PUT", path: `${base}/book/sections`, body, texts, said: () => say("divided") };
}

const count = (parties) => parties.filter((each) => each.is_cancelled).length;

/** Whom a closing concerns; parties that are here stay anyway, and are not listed. */
function hurtTexts({ parties }) {
  const toCome = parties.filter((each) => !["arrived", "seated"].includes(each.status));
  return toCome.map((each) => {
    const channels = each.notified_by.join(", ");
    const told = channels ? say("told_by", { channels }) : "";
    return [who(each), fate(each), told].filter(Boolean).join(" · ");
  });
}

function fate(each) {
  if (each.moved_to) return say("is_moved", { time: clockText(each.moved_to) });
  return say(each.is_cancelled ? "is_cancelled" : "stays");
}

function settled(each) {
  const tables = each.moved_to.join(" + ");
  const what = tables ? `→ ${tables}` : say("stays");
  return [who(each), what, each.left_area ? say("left_area") : ""].filter(Boolean).join(" · ");
}

const who = (each) =>
  `${clockText(each.start)} ${nameOf(each.reservation_id, "–")}, ${each.party_size}`;

/** Show what an act would do, or do it. */
async function send(form, { method = "POST", path, body, texts, said, guarded = true }, submitter) {
  const isPreview = "preview" in (submitter?.dataset ?? {});
  const revision = form.closest("[data-book-revision]").dataset.bookRevision;
  // a preview shows the book as it is now; cancelling several names each reservation
  const needs = !isPreview && guarded && !path.endsWith("/cancel");
  const headers = needs ? { "If-Match": `"${revision}"` } : {};
  submitter.disabled = true;
  const what = isPreview ? { ...body, preview: true } : body;
  const answer = await call(method, path, what, headers);
  submitter.disabled = false;
  const wrong = form.querySelector("[data-wrong]");
  wrong.hidden = true;
  if (atFields(form, answer)) return null;
  if (!answer.ok) {
    wrong.hidden = false;
    wrong.textContent = answer.status === 412 ? say("book_changed") : refusal(answer);
    if (answer.status === 412) await lookAgain(form);
    return wrong.scrollIntoView({ block: "nearest" });
  }
  if (isPreview) return showResult(form, texts(answer.body));
  done(said(answer.body));
  await Promise.all([refresh(), open(`evening?date=${dayOf(form)}`)]);
}

/** The book has changed: what was shown is shown again before anything is done. */
async function lookAgain(form) {
  hideResult(form);
  // the list behind the panel names the parties
  const [fresh] = await Promise.all([page(`/stand/${slug}/evening?date=${dayOf(form)}`), refresh()]);
  const found = fresh?.querySelector("[data-book-revision]")?.dataset.bookRevision;
  if (found) form.closest("[data-book-revision]").dataset.bookRevision = found;
}

async function once(button, path, body, said) {
  button.disabled = true;
  const answer = await call("POST", path, body);
  button.disabled = false;
  if (answer.ok) done(said);
  else refused(refusal(answer));
  await Promise.all([refresh(), open(`evening?date=${dayOf(button)}`)]);
}

function showResult(form, texts) {
  const result = form.querySelector("[data-result]");
  const list = document.createElement("ul");
  for (const each of texts.length ? texts : [say("nobody_hurt")]) {
    list.append(Object.assign(document.createElement("li"), { textContent: each }));
  }
  result.replaceChildren(list);
  result.hidden = false;
  form.querySelector("[data-real]").hidden = false;
  result.focus();
}

function hideResult(form) {
  const result = form.querySelector("[data-result]");
  if (!result) return;
  result.hidden = true;
  form.querySelector("[data-real]").hidden = true;
}

/** "All of it" ticks the tables of an area. */
function tickTables(box) {
  const tables = box.form.querySelectorAll(`[name=tables][data-in="${box.value}"]`);
  for (const each of tables) each.checked = box.checked;
}
