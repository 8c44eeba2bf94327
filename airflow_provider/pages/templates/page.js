"use strict";
// The page works without this: it opens links of Airflow in Airflow's own window, and keeps what runs up to date.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-airflow]");
  if (!link || window.parent === window || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const other = window.parent.document;
  const copy = other.createElement("a");
  copy.href = link.href;
  other.body.append(copy);
  copy.click();
  copy.remove();
});
// A form is sent once, however often it is clicked: a delivery that is replayed twice starts its Dags twice.
const sent = new WeakSet();
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  if (sent.has(event.target)) event.preventDefault();
  sent.add(event.target);
});
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
const live = document.querySelector("[data-live]");
const pause = document.querySelector("[data-pause]");
if (live && pause) {
  pause.hidden = false;
  let paused = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.textContent = paused ? "Go on updating" : "Stop updating";
  });
  const busy = () => paused || document.hidden || live.contains(document.activeElement) ||
    (getSelection().type === "Range" && live.contains(getSelection().anchorNode));
  setInterval(async () => {
    if (busy()) return;
    const answer = await fetch(live.dataset.live, { credentials: "same-origin" }).catch(() => null);
    if (busy()) return;
    live.classList.toggle("stale", !(answer && answer.ok));
    if (answer && answer.ok) live.innerHTML = await answer.text();
  }, 5000);
}
