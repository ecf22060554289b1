// New posts appear by themselves at the top of the feed. Whoever is reading further down is not disturbed: what arrives
// meanwhile waits behind a button. Posts that are edited change where they stand, deleted ones vanish.

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
  return document.getElementById(`post-${id}`) !== null || waitingPlace(id) >= 0;
}

function waitingPlace(id) {
  return waiting.findIndex((article) => article.id === `post-${id}`);
}

function articleOf(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  const article = template.content.querySelector("article");
  localTime(article);
  return article;
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
  const article = articleOf(html);
  if (window.scrollY < 100) {
    show(article);
  } else {
    waiting.push(article);
    waiting.splice(0, Math.max(0, waiting.length - MOST_SHOWN));
    announce();
  }
}

function change({ id, html }) {
  const place = waitingPlace(id);
  if (place >= 0) {
    waiting[place] = articleOf(html);
    return;
  }
  const shown = document.getElementById(`post-${id}`);
  if (shown !== null) {
    const article = articleOf(html);
    // Whoever has opened what stands behind a content warning goes on reading.
    const details = article.querySelector("details");
    if (details !== null && shown.querySelector("details")?.open) {
      details.open = true;
    }
    shown.replaceWith(article);
  }
}

function vanish({ id }) {
  document.getElementById(`post-${id}`)?.remove();
  const place = waitingPlace(id);
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
source.addEventListener("edited", (event) => change(JSON.parse(event.data)));
source.addEventListener("gone", (event) => vanish(JSON.parse(event.data)));
