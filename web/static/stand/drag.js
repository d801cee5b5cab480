// Dragging with mouse, pen and finger. A finger holds for a moment first, so that it can scroll.
// Every drag has another way without dragging: Enter on the party opens it.
const HOLD_MS = 220;
const SLOP_PX = 6;
let drag = null;
let wasDragged = false;
const hint = document.createElement("div");
hint.className = "drag-hint";
hint.hidden = true;

/** `start`, `over` (returns the text of the hint) and `drop` get the drag that `start` made. */
export function listenToDrags({ find, start, over, drop }) {
  document.body.append(hint);
  document.addEventListener("pointerdown", (event) => {
    const what = event.target.closest(find);
    if (!what || event.button !== 0 || drag) return;
    wasDragged = false;
    drag = { what, x: event.clientX, y: event.clientY, id: event.pointerId, is_on: false };
    drag.made = start(what, event.target);
    if (event.pointerType === "touch") drag.hold = setTimeout(() => begin(), HOLD_MS);
    else drag.waits = true;
  });
  document.addEventListener("pointermove", (event) => {
    if (!drag || event.pointerId !== drag.id) return;
    const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
    if (!drag.is_on) {
      if (Math.hypot(dx, dy) < SLOP_PX) return;
      if (!drag.waits) return stop(); // a finger that scrolls
      begin();
    }
    drag.what.style.pointerEvents = "none";
    const under = document.elementFromPoint(event.clientX, event.clientY);
    drag.what.style.pointerEvents = "";
    show(over(drag.made, { dx, dy, under, x: event.clientX, y: event.clientY }), event);
  });
  document.addEventListener("pointerup", () => finish(drop));
  document.addEventListener("pointercancel", () => drag && !drag.is_on && stop());
  document.addEventListener("touchmove", (event) => drag?.is_on && event.preventDefault(), {
    passive: false,
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !drag?.is_on) return;
    const { made } = drag;
    stop();
    made.to = null;
    drop(made);
  });
  // the click that ends a drag opens nothing
  document.addEventListener(
    "click",
    (event) => {
      if (!wasDragged) return;
      wasDragged = false;
      event.stopPropagation();
      event.preventDefault();
    },
    true,
  );
}

function begin() {
  drag.is_on = true;
  wasDragged = true;
  drag.what.classList.add("is-dragged");
  document.body.classList.add("dragging");
}

function show(text, event) {
  hint.textContent = text ?? "";
  hint.hidden = !text;
  hint.style.left = `${Math.min(event.clientX, innerWidth - 160)}px`;
  hint.style.top = `${Math.max(event.clientY - 56, 8)}px`;
}

async function finish(drop) {
  if (!drag) return;
  const { is_on, made } = drag;
  stop();
  setTimeout(() => (wasDragged = false), 0);
  if (is_on) await drop(made);
}

function stop() {
  clearTimeout(drag.hold);
  drag.what.classList.remove("is-dragged");
  document.body.classList.remove("dragging");
  hint.hidden = true;
  drag = null;
}
