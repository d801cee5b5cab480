// The floor plan: tap a table for its party, or a free one for a walk-in; drag a party onto a table.
import { say } from "./api.js";
import { listenToDrags } from "./drag.js";
import { propose } from "./propose.js";
import { act, partyOf } from "./verbs.js";

export function showFloor() {
  const plan = document.querySelector(".plan");
  if (!plan) return;
  listenToDrags({ find: "[data-drag]", start: (what) => ({ what }), over, drop });
  plan.addEventListener("keydown", (event) => {
    const table = event.target.closest(".table");
    if (!table || !["Enter", " "].includes(event.key)) return;
    event.preventDefault();
    table.dispatchEvent(new MouseEvent("click", { bubbles: true }));
  });
}

function over(drag, { under }) {
  for (const table of document.querySelectorAll(".is-target")) table.classList.remove("is-target");
  drag.to = under?.closest(".table");
  if (!drag.to) return drag.what.dataset.name;
  drag.to.classList.add("is-target");
  const table = drag.to.dataset.table;
  const other = drag.to.dataset.name;
  const isOther = other && drag.to.dataset.id !== drag.what.dataset.id;
  return isOther ? say("conflict", { table, name: other }) : `${drag.what.dataset.name} → ${table}`;
}

async function drop({ what, to }) {
  to?.classList.remove("is-target");
  if (!to) return;
  const table = to.dataset.table;
  const had = what.dataset.tables.split("\n").filter(Boolean);
  const party = partyOf(what);
  if (party.from !== "confirmed" && had.includes(table)) {
    if (party.from === "arrived") await act("seat", party);
    return;
  }
  const other = to.dataset.name && to.dataset.id !== what.dataset.id;
  if (other) return propose("assign", party, { tables: [table] });
  await act(party.from === "confirmed" ? "assign" : "seat", party, { tables: [table] });
}
