// Why the server refused, in the page's language: by the code and the values of its sentence.
import { say, words } from "./api.js";

const MOMENT = /\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)/g;
const DAY = /^\d{4}-\d\d-\d\d$/;
/** Values that name a state, and those that name parties by their references. */
const STATES = new Set(["state", "before"]);
const PARTIES = new Set(["reference", "references"]);

/** Why a call was refused, as a sentence for the host. */
export function refusal({ status, body }, name = "") {
  if (status === 0 || status >= 502) return say("no_answer");
  if (status === 403) return say("not_allowed");
  if (status === 412) return say("stale", { name });
  if (words[`reason_${body.reason}`]) return words[`reason_${body.reason}`];
  return say("failed", { detail: detailOf(body) || body.detail || String(status) });
}

function detailOf(body) {
  if (body.parties?.length) return body.parties.map(inTheWay).join("; ");
  if (body.errors?.length) return body.errors.map(fieldText).join("; ");
  return sentence(body) ?? words[`code_${body.code}`];
}

/** What is wrong with a field, after the name that the page gives it. */
function fieldText(each) {
  const label = words[`field_${each.field.split(".").pop()}`];
  const text = sentence(each) ?? each.message;
  return label ? `${label}: ${text}` : text;
}

/** A sentence of the server in the page's language; undefined: it has no text here. */
export function sentence({ why, values }) {
  if (!words[`refused_${why}`]) return undefined;
  const shown = Object.entries(values ?? {}).map(([key, value]) => [key, valueText(key, value)]);
  return say(`refused_${why}`, Object.fromEntries(shown));
}

function valueText(key, value) {
  const text = String(value);
  if (STATES.has(key)) return words[`state_${text}`] ?? text;
  if (PARTIES.has(key)) return text.split(", ").map(nameOfReference).join(", ");
  return DAY.test(text) ? dayText(text) : text.replace(MOMENT, clockText);
}

/** A party that keeps the tables, and why. */
export function inTheWay(each) {
  return say("in_the_way", {
    tables: each.tables.join(" + "),
    name: nameOf(each.id, each.reference),
    time: clockText(each.start),
    why: say(`why_${each.why}`),
  });
}

/** The name of a party that the page shows; else what is given. */
export function nameOf(id, otherwise) {
  return document.querySelector(`[data-id="${id}"][data-name]`)?.dataset.name ?? otherwise;
}

function nameOfReference(reference) {
  const word = CSS.escape(reference.toLowerCase());
  const party = document.querySelector(`[data-name][data-search~="${word}"]`);
  return party?.dataset.name ?? reference;
}

/** A moment as the restaurant's clock shows it. */
export function clockText(text) {
  return new Date(text).toLocaleTimeString(document.documentElement.lang, {
    hour: "numeric",
    minute: "2-digit",
    timeZone: document.getElementById("stand").dataset.zone,
  });
}

function dayText(text) {
  const day = new Date(`${text}T12:00:00Z`);
  return day.toLocaleDateString(document.documentElement.lang, { timeZone: "UTC" });
}
