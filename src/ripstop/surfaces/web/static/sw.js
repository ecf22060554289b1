// Keeps one page for when there is no network, and nothing else: everything is as fresh as the server says.

const KEPT = "ripstop-2";
const STYLES = ["style", "posts", "people", "forms"].map((name) => `/static/${name}.css`);

self.addEventListener("install", (event) => {
  event.waitUntil(keep().then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(forget().then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  if (event.request.mode === "navigate") {
    event.respondWith(fetch(event.request).catch(() => caches.match("/offline")));
  } else if (event.request.destination === "style") {
    event.respondWith(fetch(event.request).catch(() => caches.match(event.request, { ignoreSearch: true })));
  }
});

async function keep() {
  const cache = await caches.open(KEPT);
  await cache.addAll(["/offline", ...STYLES]);
}

async function forget() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name !== KEPT).map((name) => caches.delete(name)));
}
