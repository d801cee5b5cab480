// The host stand. Each part listens for itself; all show the page that the server renders.
import { listenToDialogs } from "./dialogs.js";
import { listenToEvening } from "./evening.js";
import { showFloor } from "./floor.js";
import { listenToGuests } from "./guest_acts.js";
import { listenToKeys } from "./keys.js";
import { showRequests } from "./requests.js";
import { listenToSearch } from "./search.js";
import { listen } from "./stream.js";
import { showTimeline } from "./timeline.js";
import { listenToVerbs } from "./verbs.js";
import { showWaits } from "./waits.js";

listenToVerbs();
listenToDialogs();
listenToEvening();
listenToGuests();
listenToSearch();
listenToKeys();
showTimeline();
showFloor();
showWaits();
showRequests();
listen();

document.getElementById("day").addEventListener("change", (event) => {
  if (event.target.value) location.search = `?date=${event.target.value}`;
});
document.addEventListener("click", (event) => {
  const menu = document.querySelector(".menu[open]");
  if (menu && !menu.contains(event.target)) menu.removeAttribute("open");
});
document.documentElement.dataset.ready = ""; // from here on it acts on taps and keys
