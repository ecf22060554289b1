// What is new appears by itself at the top of a feed. Whoever is reading further down is not disturbed: what arrives
// meanwhile waits behind a button. Posts that are edited change where they stand, deleted ones vanish.
//
// A page for everybody (`data-live`) is sent its posts as they are to be shown. That of somebody who is logged in
// (`data-news`) is only told that there are some, and asks for them as they are to this reader.

const MOST_SHOWN = 200;

const feed = document.querySelector("[data-live], [data-news]");
const button = document.querySelector(".fresh");
const isOwn = feed.dataset.news !== undefined;
const waiting = new Map(); // by id: the article, or null where it is yet to be asked for

function articleOf(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.querySelector("article");
}

function shown(id) {
  return document.getElementById(`post-${id}`);
}

function show(article) {
  article.classList.add("arrived");
  feed.prepend(article);
  document.querySelector(".empty")?.remove();
  shorten();
  document.dispatchEvent(new CustomEvent("ripstop:arrived"));
}

// What is let go of at the end comes again with what is older than it.
function shorten() {
  const link = document.querySelector(".pages a[rel=next]");
  if (link === null || feed.children.length <= MOST_SHOWN) {
    return;
  }
  while (feed.children.length > MOST_SHOWN) {
    feed.lastElementChild.remove();
  }
  const older = new URL(link.href);
  older.searchParams.set("max_id", feed.lastElementChild.dataset.place);
  link.href = older.href;
}

async function askForNew() {
  const newest = feed.querySelector("article")?.dataset.place ?? "0";
  const answer = await fetch(`${location.pathname}?since_id=${newest}`);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (page.querySelector(".pages a[rel=next]") !== null) {
    location.assign(location.pathname); // there are more than fit a page: the feed begins anew, without a gap
    return;
  }
  for (const article of [...page.querySelectorAll(".feed > article")].reverse()) {
    shown(article.id.slice("post-".length))?.remove();
    show(document.adoptNode(article));
  }
}

async function showWaiting() {
  const arrived = [...waiting.values()];
  waiting.clear();
  announce();
  if (isOwn) {
    await askForNew();
  } else {
    arrived.forEach(show);
  }
}

function announce() {
  button.hidden = waiting.size === 0;
  button.textContent = waiting.size === 1 ? "1 new post" : `${waiting.size} new posts`;
}

function arrive({ id, html }) {
  if (feed.querySelector(`[data-place="${id}"]`) !== null || waiting.has(id)) {
    return;
  }
  if (!isOwn && window.scrollY < 100) {
    show(articleOf(html));
  } else {
    waiting.set(id, isOwn ? null : articleOf(html));
    if (waiting.size > MOST_SHOWN) {
      waiting.delete(waiting.keys().next().value);
    }
    announce();
  }
}

function change({ id, html }) {
  if (isOwn) {
    return;
  }
  if (waiting.has(id)) {
    waiting.set(id, articleOf(html));
    return;
  }
  const before = shown(id);
  if (before !== null) {
    const article = articleOf(html);
    // Whoever has opened what stands behind a content warning goes on reading.
    const details = article.querySelector("details.warned");
    if (details !== null && before.querySelector("details.warned")?.open) {
      details.open = true;
    }
    before.replaceWith(article);
    document.dispatchEvent(new CustomEvent("ripstop:arrived"));
  }
}

function vanish({ id }) {
  shown(id)?.remove();
  if (waiting.delete(id)) {
    announce();
  }
}

button.addEventListener("click", async () => {
  await showWaiting();
  window.scrollTo({ top: 0 });
});

let source = null;

function listen() {
  source?.close();
  source = document.hidden ? null : new EventSource(isOwn ? feed.dataset.news : feed.dataset.live);
  source?.addEventListener("post", (event) => arrive(JSON.parse(event.data)));
  source?.addEventListener("edited", (event) => change(JSON.parse(event.data)));
  source?.addEventListener("gone", (event) => vanish(JSON.parse(event.data)));
}

listen();
// A page that nobody looks at holds no connection, and is told what it missed when somebody does.
document.addEventListener("visibilitychange", listen);
window.addEventListener("pagehide", () => source?.close());
window.addEventListener("pageshow", (event) => {
  if (event.persisted) {
    listen();
  }
});
