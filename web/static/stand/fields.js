// A booking beyond who and when: the length of the stay, features of the table, a whole area. And
// what is wrong with a field, said at the field.
import { say } from "./api.js";
import { inTheWay, sentence } from "./refusals.js";

/** Fields of the API that the page names otherwise, and what is said in the page's language. */
const NAMES = { area: "whole_area" };
const SAID = { turn_minutes: "wrong_turn" };

/** What is chosen there, as the API takes it. A whole area takes the place of tables. */
export function choices(root) {
  const value = (name) => root.querySelector(`[name=${name}]`)?.value.trim() ?? "";
  const ticked = (name) =>
    [...root.querySelectorAll(`[name=${name}]:checked`)].map((each) => each.value);
  const [turn, area] = [value("turn_minutes"), value("whole_area")];
  return {
    needs: ticked("needs"),
    wishes: ticked("wishes"),
    ...(turn ? { turn_minutes: Number(turn) } : {}),
    ...(area ? { area, whole_area: true, tables: [] } : {}),
  };
}

/** Whether the browser accepts what is typed; if not, it says so at the field. */
export function isSound(root) {
  return [...root.querySelectorAll("input")].every((each) => each.reportValidity());
}

/** Say each problem of a refusal at its field. Returns whether all of them have one. */
export function atFields(root, { body }) {
  clear(root);
  const problems = [...(body.errors ?? [])].map((each) => {
    const name = each.field.split(".").at(-1);
    const said = SAID[name] ? say(SAID[name]) : (sentence(each) ?? each.message);
    return [root.querySelector(`[name="${CSS.escape(name)}"]`) ? name : NAMES[name] ?? name, said];
  });
  const whole = root.querySelector("[name=whole_area]");
  if (whole?.value && body.parties?.length) {
    problems.push(["whole_area", body.parties.map(inTheWay).join(" · ")]);
  }
  const marked = problems.map(([name, text]) => mark(root, name, text));
  marked.find(Boolean)?.focus();
  return marked.length > 0 && marked.every(Boolean);
}

function mark(root, name, text) {
  const control = root.querySelector(`[name="${CSS.escape(name)}"]`);
  if (!control) return null;
  const note = Object.assign(document.createElement("p"), {
    id: `wrong-${name}`,
    className: "problem",
    textContent: text,
  });
  note.dataset.atField = "";
  control.setAttribute("aria-invalid", "true");
  control.setAttribute("aria-describedby", note.id);
  (control.closest("fieldset") ?? control).after(note);
  control.closest("details")?.setAttribute("open", "");
  return control;
}

function clear(root) {
  for (const each of root.querySelectorAll("[data-at-field]")) each.remove();
  for (const each of root.querySelectorAll("[aria-invalid]")) {
    each.removeAttribute("aria-invalid");
    each.removeAttribute("aria-describedby");
  }
}

export function listenToFields() {
  // a field that is folded away could not say what is wrong with it
  const unfold = (event) => event.target.closest("details")?.setAttribute("open", "");
  document.addEventListener("invalid", unfold, true);
  document.addEventListener("change", (event) => {
    if (event.target.name === "whole_area") takeArea(event.target);
  });
}

/** Who takes a whole area chooses no tables. */
function takeArea(select) {
  const root = select.closest("#panel-body");
  const isWhole = select.value !== "";
  const [tables, grid] = ["[name=tables]", "[data-tables-grid]"].map((at) => root.querySelector(at));
  if (tables) tables.disabled = isWhole;
  if (grid) grid.hidden = isWhole;
  const button = root.querySelector("[data-auto]");
  if (button) button.textContent = isWhole ? button.dataset.whole : button.dataset.auto;
}
