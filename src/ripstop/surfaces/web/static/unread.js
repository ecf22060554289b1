// Badges say what is unread while the page is open. A page that nobody looks at holds no connection.

const title = document.title;
let source = null;

function show(counts) {
  for (const [kind, count] of Object.entries(counts)) {
    for (const badge of document.querySelectorAll(`[data-unread="${kind}"]`)) {
      badge.hidden = count === "";
      badge.querySelector(".number").textContent = count;
    }
  }
  document.title = counts.notifications ? `(${counts.notifications}) ${title}` : title;
}

function listen() {
  source?.close();
  source = document.hidden ? null : new EventSource("/live/unread");
  source?.addEventListener("unread", (event) => show(JSON.parse(event.data)));
}

document.addEventListener("visibilitychange", listen);
window.addEventListener("pagehide", () => source?.close());
window.addEventListener("pageshow", (event) => {
  if (event.persisted) {
    listen();
  }
});
if (document.querySelector("[data-unread]") !== null) {
  listen();
}
