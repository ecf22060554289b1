// Keys of those who read with them: j and k go through posts, l likes, r replies, o opens, n writes, / searches.

function isTyping(target) {
  return target.closest("input, textarea, select, [contenteditable]") !== null;
}

function posts() {
  return [...document.querySelectorAll("article.post")];
}

function current() {
  return document.activeElement?.closest("article.post") ?? null;
}

function step(by) {
  const all = posts();
  const here = all.indexOf(current());
  const next = all[here < 0 ? 0 : here + by];
  if (next !== undefined) {
    next.tabIndex = -1;
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "center" });
  }
}

const ON_POST = {
  l: (post) => post.querySelector(".act.like")?.click(),
  b: (post) => post.querySelector(".act.bookmark")?.click(),
  r: (post) => post.querySelector("a[href^='/compose?reply_to']")?.click(),
  o: (post) => post.querySelector("a.when")?.click(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) {
    return;
  }
  const post = current();
  if (event.key === "j" || event.key === "k") {
    step(event.key === "j" ? 1 : -1);
  } else if (event.key === "/") {
    const field = document.querySelector("input[type=search]");
    event.preventDefault();
    field === null ? location.assign("/search") : field.focus();
  } else if (event.key === "n") {
    document.querySelector("[data-key=n]")?.click();
  } else if (post !== null && event.key in ON_POST) {
    ON_POST[event.key](post);
  }
});
