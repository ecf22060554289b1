// The form counts while one writes, takes pictures in place, and is sent once.

const URL_LENGTH = 23;
const LINK = /(?<![\w@$#/=])https?:\/\/(?:[\p{L}\p{N}_-]+\.)+[\p{L}\p{N}_-]{2,}[^\s<>"`{}|\\^]*/giu;
const HANDLE = /(?<![\w@/=.])(@[a-z0-9_][a-z0-9_.-]*)@[\p{L}\p{N}_][\p{L}\p{N}_.-]*/giu;

const form = document.querySelector("form.compose");
const text = form.querySelector("textarea[name=text]");
const warning = form.querySelector("input[name=warning]");
const counted = form.querySelector(".counted");
const send = form.querySelector("button[value=post]");
const most = Number(form.dataset.most);
const segments = "Segmenter" in Intl ? new Intl.Segmenter() : null;

function characters(words) {
  return segments === null ? [...words].length : [...segments.segment(words)].length;
}

function length() {
  const plain = text.value.trim().replace(LINK, "x".repeat(URL_LENGTH)).replace(HANDLE, "$1");
  return characters(plain) + characters(warning.value.trim());
}

function holdsPictures() {
  return form.querySelector(".attached figure") !== null;
}

function count() {
  const left = most - length();
  counted.textContent = String(left);
  counted.setAttribute("aria-label", `${left} characters left`);
  counted.classList.toggle("over", left < 0);
  send.disabled = left < 0 || (left === most && !holdsPictures() && form.querySelector(".quoted") === null);
}

function grow() {
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight}px`;
}

// The server takes pictures as it does without a script; only its answer is shown in place.
async function attach(input) {
  const attached = form.querySelector(".attached");
  attached.setAttribute("aria-busy", "true");
  const fields = new FormData(form);
  fields.set("act", "attach");
  const answer = await fetch(form.action, { method: "POST", body: fields, headers: { accept: "text/html" } });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector(".attached");
  document.querySelector(".wrong")?.remove();
  const wrong = page.querySelector(".wrong");
  if (wrong !== null) {
    form.before(document.adoptNode(wrong));
  }
  if (answer.ok && fresh !== null) {
    attached.replaceWith(document.adoptNode(fresh));
    form.querySelector(".attached figure:last-of-type textarea")?.focus();
  } else {
    attached.removeAttribute("aria-busy");
    input.value = "";
  }
  count();
}

form.addEventListener("input", (event) => {
  if (event.target === text || event.target === warning) {
    count();
    grow();
  }
});
form.addEventListener("change", (event) => {
  if (event.target.type === "file") {
    attach(event.target);
  }
});
form.addEventListener("submit", (event) => {
  if (form.dataset.sent) {
    event.preventDefault();
  }
  form.dataset.sent = "true";
});
window.addEventListener("pageshow", () => delete form.dataset.sent);
text.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !send.disabled) {
    form.requestSubmit(send);
  }
});

// What is chosen behind the fold is said on it.
form.querySelector("#visibility")?.addEventListener("change", (event) => {
  form.querySelector(".audience").textContent = event.target.selectedOptions[0].textContent;
});

text.setSelectionRange(text.value.length, text.value.length);
document.documentElement.classList.add("scripted");
count();
grow();
