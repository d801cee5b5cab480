// Renews a page that waits for an answer: fetches it again, and shows its main part if it changed.
// Nothing moves under the reader, and a screen reader hears the new status only.
const main = document.getElementById("main");
const secondsOf = (page) => Number(page.querySelector("meta[name=renew]")?.content ?? 0);
let shown = main.innerHTML;
let seconds = secondsOf(document);

async function renew() {
  try {
    const answer = await fetch(location.href, { signal: AbortSignal.timeout(20_000) });
    if (answer.ok) show(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    // no answer: the next try is due in as many seconds
  }
  if (seconds) setTimeout(renew, seconds * 1000);
}

function show(fresh) {
  const next = fresh.getElementById("main");
  if (!next) return;
  seconds = secondsOf(fresh);
  if (next.innerHTML === shown) return;
  shown = next.innerHTML;
  document.title = fresh.title;
  const hadFocus = main.contains(document.activeElement);
  const [status, said] = [main, next].map((each) => each.querySelector("[role=status]"));
  if (status && said) {
    // the same element, so that its change is announced
    status.className = said.className;
    status.replaceChildren(...said.childNodes);
    while (status.nextSibling) status.nextSibling.remove();
    while (said.nextSibling) main.append(said.nextSibling);
  } else main.replaceChildren(...next.childNodes);
  if (hadFocus) main.focus();
}

setTimeout(renew, seconds * 1000);
