// An act that may concern others is shown first: who moves where, whose turn is cut, who is in the
// way. What the role may override (squeeze, overlap) is offered there, with a reason.
import { call, say } from "./api.js";
import { open } from "./dialogs.js";
import { clockText, inTheWay, refusal } from "./refusals.js";
import { act, affectedText } from "./verbs.js";

const panel = document.getElementById("panel");
const stand = document.getElementById("stand");

/** Show what `verb` would do to this party, and do it at once if it concerns nobody else. */
export async function propose(verb, party, more) {
  if (!panel.querySelector(`[data-id="${party.id}"] [data-proposal]`)) {
    if (!(await open(`party/${party.id}?date=${stand.dataset.day}`))) return;
  }
  const place = panel.querySelector("[data-proposal]");
  place.hidden = true; // what it showed was another act
  place.replaceChildren();
  const forces = (panel.querySelector("[data-force]")?.dataset.force ?? "").split(" ");
  const shown = await call("POST", `/reservations/${party.id}/${verb}`, { ...more, preview: true });
  if (shown.ok && !shown.body.affected?.length && !shown.body.in_the_way.length) {
    if (verb !== "extend") return finish(verb, party, more);
  }
  const texts = shown.ok ? textsOf(verb, shown.body) : [refusal(shown, party.name)];
  const isPossible = shown.ok && !shown.body.in_the_way.length;
  const offered = verb === "extend" || isPossible ? [] : forces.filter(Boolean);
  place.replaceChildren(...form(verb, party, more, { texts, isPossible, offered }));
  place.hidden = false;
  place.focus();
  place.scrollIntoView({ block: "nearest" });
}

function textsOf(verb, { affected, in_the_way, new_end }) {
  return [
    ...(verb === "extend" ? [say("new_end", { time: clockText(new_end) })] : []),
    ...(affected ?? []).map(affectedText),
    ...in_the_way.map(inTheWay),
  ];
}

function form(verb, party, more, { texts, isPossible, offered }) {
  const list = element("ul", { className: "texts" });
  for (const text of texts) list.append(element("li", { textContent: text }));
  const wrong = element("p", { className: "problem", hidden: true });
  wrong.setAttribute("role", "alert");
  if (!isPossible && !offered.length) return [list];
  const made = element("form", { className: "form" });
  const ticks = offered.map((name) => tick(name));
  const reason = element("input", { name: "reason", maxLength: 200, required: offered.length > 0 });
  const label = element("label", { textContent: say("reason") });
  label.append(reason);
  made.append(...ticks, ...(offered.length ? [label] : []), wrong);
  made.append(element("button", { className: "main-button", textContent: say("do_it") }));
  made.addEventListener("submit", async (event) => {
    event.preventDefault();
    const forced = Object.fromEntries(offered.map((name) => [name, made.elements[name].checked]));
    const what = { ...more, ...forced };
    if (reason.value.trim()) what.reason = reason.value.trim();
    await finish(verb, party, what, (text) => {
      wrong.textContent = text;
      wrong.hidden = false;
    });
  });
  return [list, made];
}

async function finish(verb, party, what, fails) {
  const made = await act(verb, party, what, fails ? { fails } : {});
  if (made) panel.close();
  return made;
}

function tick(name) {
  const label = element("label", { className: "tick" });
  const box = element("input", { type: "checkbox", name });
  label.append(box, element("span", { textContent: say(name) }));
  return label;
}

function element(name, facts) {
  return Object.assign(document.createElement(name), facts);
}
