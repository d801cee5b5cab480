// The timeline: bars are placed by their quarters; a bar is dragged to another table or time, its
// right edge to another end. What is in the way is shown while it is dragged.
import { call, say } from "./api.js";
import { listenToDrags } from "./drag.js";
import { propose } from "./propose.js";
import { afterRefresh, refresh } from "./refresh.js";
import { refusal } from "./refusals.js";
import { done, refused } from "./toast.js";
import { act, partyOf, whatChanged } from "./verbs.js";

const stand = document.getElementById("stand");
const line = () => document.getElementById("timeline");

export function showTimeline() {
  if (!line()) return;
  afterRefresh(place);
  setInterval(nowLine, 30_000);
  const head = line().querySelector(".tl-lane");
  const at = nowAt() * quarter() - head.clientWidth / 3;
  if (at > 0) line().scrollLeft = at;
  listenToDrags({ find: "[data-drag]", start, over, drop });
}

function place() {
  line().style.setProperty("--quarters", line().dataset.quarters);
  for (const each of line().querySelectorAll("[data-begins]")) {
    each.style.setProperty("--begins", each.dataset.begins);
    each.style.setProperty("--ends", each.dataset.ends ?? Number(each.dataset.begins) + 1);
    each.style.setProperty("--lane", each.dataset.lane ?? 0);
  }
  for (const each of line().querySelectorAll("[data-lanes]")) {
    each.style.setProperty("--lanes", each.dataset.lanes);
  }
  nowLine();
}

function nowAt() {
  return (Date.now() / 1000 - Number(line().dataset.first)) / 900;
}

function nowLine() {
  const mark = document.getElementById("tl-now");
  const at = nowAt();
  mark.hidden = at < 0 || at > Number(line().dataset.quarters);
  mark.style.setProperty("--begins", at);
}

function quarter() {
  return line().querySelector(".tl-lane").clientWidth / Number(line().dataset.quarters);
}

function start(bar, target) {
  return { bar, isEnd: Boolean(target.closest("[data-grip]")), lane: bar.parentElement };
}

/** Show where the bar would be, and what is in the way there. */
function over(drag, { dx, dy, under }) {
  const { bar, isEnd } = drag;
  const steps = Math.round(dx / quarter());
  drag.steps = isEnd || bar.dataset.from === "confirmed" ? steps : 0;
  drag.to = isEnd ? drag.lane : (under?.closest(".tl-lane[data-table]") ?? drag.lane);
  if (isEnd) {
    const least = Number(bar.dataset.begins) + 1;
    bar.style.setProperty("--ends", Math.max(least, Number(bar.dataset.ends) + drag.steps));
  } else {
    const y = drag.to === drag.lane ? 0 : dy;
    bar.style.transform = `translate(${drag.steps * quarter()}px, ${y}px)`;
  }
  const inTheWay = conflict(drag);
  bar.classList.toggle("conflict", Boolean(inTheWay));
  for (const lane of line().querySelectorAll(".is-target")) lane.classList.remove("is-target");
  drag.to.classList.add("is-target");
  const table = drag.to.dataset.table;
  return inTheWay ? say("conflict", { table, name: inTheWay.dataset.name }) : time(drag, table);
}

function time({ bar, isEnd, steps }, table) {
  const at = Number(isEnd ? bar.dataset.ends : bar.dataset.begins) + steps;
  const moment = new Date((Number(line().dataset.first) + at * 900) * 1000);
  const text = moment.toLocaleTimeString(document.documentElement.lang, {
    hour: "2-digit",
    minute: "2-digit",
    timeZone: stand.dataset.zone,
  });
  return `${table} · ${text}`;
}

function conflict({ bar, isEnd, steps, to }) {
  const begins = Number(bar.dataset.begins) + (isEnd ? 0 : steps);
  const ends = Number(bar.dataset.ends) + steps;
  return [...to.querySelectorAll(".tl-bar:not(.is-finished)")].find(
    (each) =>
      each.dataset.id !== bar.dataset.id &&
      Number(each.dataset.begins) < ends &&
      begins < Number(each.dataset.ends),
  );
}

async function drop(drag) {
  const { bar, isEnd, steps, to, lane } = drag;
  bar.style.transform = "";
  bar.classList.remove("conflict");
  to?.classList.remove("is-target");
  if (!to || (steps === 0 && to === lane)) return place();
  const party = { ...partyOf(bar), ends: moment(Number(bar.dataset.ends)) };
  if (isEnd) await act("extend", party, { until: moment(Number(bar.dataset.ends) + steps) });
  else {
    if (steps) party.revision = await changeStart(party, Number(bar.dataset.begins) + steps);
    if (party.revision && to !== lane) await assign(bar, party, lane, to);
  }
  place();
}

async function assign(bar, party, lane, to) {
  const others = bar.dataset.tables.split("\n").filter((label) => label !== lane.dataset.table);
  const tables = [...new Set([...others, to.dataset.table])];
  const inTheWay = conflict({ bar, isEnd: false, steps: 0, to });
  if (inTheWay) return propose("assign", party, { tables });
  await act("assign", { ...party, from: undefined }, { tables, from: undefined });
}

/** Returns the new revision, or null if the change was refused. */
async function changeStart({ id, revision, name, from }, at) {
  const patch = { start: moment(at), notify: false };
  const answer = await call("PATCH", `/reservations/${id}`, patch, { "If-Match": `"${revision}"` });
  if (answer.ok) done(say("saved", { name }));
  else refused(answer.status === 412 ? await whatChanged(id, name, from) : refusal(answer, name));
  await refresh();
  return answer.ok ? answer.body.revision : null;
}

function moment(at) {
  return new Date((Number(line().dataset.first) + Math.round(at) * 900) * 1000).toISOString();
}
