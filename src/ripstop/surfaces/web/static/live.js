// New posts appear by themselves at the top of the feed. Whoever is reading further down is not disturbed: what arrives
// meanwhile waits behind a button.

const MOST_SHOWN = 200;

const feed = document.querySelector("[data-live]");
const button = document.querySelector(".fresh");
const waiting = [];

function localTime(article) {
  const time = article.querySelector("time");
  const instant = new Date(time.dateTime);
  const today = instant.toDateString() === new Date().toDateString();
  time.textContent = instant.toLocaleString([], today ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" });
}

function isKnown(id) {
  return document.getElementById(`post-${id}`) !== null || waiting.some((article) => article.id === `post-${id}`);
}

function show(article) {
  article.classList.add("arrived");
  feed.prepend(article);
  document.querySelector(".quiet")?.remove();
  while (feed.children.length > MOST_SHOWN) {
    feed.lastElementChild.remove();
  }
}

function showWaiting() {
  waiting.splice(0).forEach(show);
  announce();
}

function announce() {
  button.hidden = waiting.length === 0;
  button.textContent = waiting.length === 1 ? "1 new post" : `${waiting.length} new posts`;
}

function arrive({ id, html }) {
  if (isKnown(id)) {
    return;
  }
  const template = document.createElement("template");
  template.innerHTML = html;
  const article = template.content.querySelector("article");
  localTime(article);
  if (window.scrollY < 100) {
    show(article);
  } else {
    waiting.push(article);
    waiting.splice(0, Math.max(0, waiting.length - MOST_SHOWN));
    announce();
  }
}

function vanish({ id }) {
  document.getElementById(`post-${id}`)?.remove();
  const place = waiting.findIndex((article) => article.id === `post-${id}`);
  if (place >= 0) {
    waiting.splice(place, 1);
    announce();
  }
}

feed.querySelectorAll("article").forEach(localTime);
button.addEventListener("click", () => {
  showWaiting();
  window.scrollTo({ top: 0 });
});

const source = new EventSource(feed.dataset.live);
source.addEventListener("post", (event) => arrive(JSON.parse(event.data)));
source.addEventListener("gone", (event) => vanish(JSON.parse(event.data)));
