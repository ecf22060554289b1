// Older entries come by themselves as one nears the end of a list. What was loaded so is kept for the way back, since a
// page that is left and returned to is to be as it was.

const NEAR = "1200px";

function feedOf(root) {
  return root.querySelector(".feed");
}

const feed = feedOf(document);
// Another one for each session: what a reader was shown is put back for nobody else.
const reader = document.querySelector("input[name=proof]")?.value ?? "";
const key = `feed ${reader} ${location.href}`;

async function append(link) {
  link.textContent = "Loading…";
  const answer = await fetch(link.href, { headers: { accept: "text/html" } });
  if (!answer.ok) {
    link.textContent = "Try again";
    return false;
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const entry of [...(feedOf(page)?.children ?? [])]) {
    if (!entry.id || document.getElementById(entry.id) === null) {
      feed.append(document.adoptNode(entry));
    }
  }
  const pages = page.querySelector(".pages");
  link.closest(".pages").replaceWith(...(pages ? [document.adoptNode(pages)] : []));
  document.dispatchEvent(new CustomEvent("ripstop:arrived"));
  return true;
}

const observer = new IntersectionObserver(
  async (entries) => {
    const seen = entries.find((entry) => entry.isIntersecting);
    if (seen !== undefined) {
      observer.unobserve(seen.target);
      const worked = await append(seen.target).catch(() => false);
      if (worked) {
        watch();
      }
    }
  },
  { rootMargin: NEAR },
);

function watch() {
  const link = document.querySelector(".pages a[rel=next]");
  if (link !== null) {
    observer.observe(link);
  }
}

function keep() {
  const pages = document.querySelector(".pages");
  const kept = { html: feed.innerHTML, pages: pages?.innerHTML ?? "", y: window.scrollY };
  try {
    sessionStorage.setItem(key, JSON.stringify(kept));
  } catch {
    sessionStorage.clear(); // there is no room: the way back leads to the top
  }
}

function restore() {
  const kept = JSON.parse(sessionStorage.getItem(key) ?? "null");
  sessionStorage.removeItem(key);
  if (kept === null || performance.getEntriesByType("navigation")[0]?.type !== "back_forward") {
    return;
  }
  feed.innerHTML = kept.html;
  const pages = document.querySelector(".pages");
  if (pages !== null && kept.pages === "") {
    pages.remove();
  } else if (pages !== null) {
    pages.innerHTML = kept.pages;
  }
  window.scrollTo({ top: kept.y, behavior: "instant" });
  document.dispatchEvent(new CustomEvent("ripstop:arrived"));
}

// Nor by the browser, which may have kept the page itself.
sessionStorage.setItem("reader", reader);
window.addEventListener("pageshow", (event) => {
  if (event.persisted && sessionStorage.getItem("reader") !== reader) {
    location.reload();
  }
});

if (feed !== null) {
  history.scrollRestoration = "manual";
  restore();
  watch();
  window.addEventListener("pagehide", keep);
}
