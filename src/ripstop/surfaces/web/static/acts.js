// Buttons of posts act in place: at once to the eye, and undone with a word if the server does not follow.

async function send(form, button) {
  const fields = new FormData(form);
  fields.set(button.name, button.value);
  const answer = await fetch(button.getAttribute("formaction") ?? form.action, {
    method: "POST",
    body: new URLSearchParams(fields),
    headers: { accept: "application/json" },
  });
  if (answer.redirected) {
    location.assign(answer.url);
  } else if (!answer.ok) {
    throw new Error((await answer.json()).error);
  }
}

function turn(button) {
  const [name, undo] = button.dataset.acts.split(" ");
  const pressed = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(pressed));
  button.value = pressed ? undo : name;
  const count = button.querySelector(".count");
  if (name !== "bookmark") {
    const now = Number(count.textContent || 0) + (pressed ? 1 : -1);
    count.textContent = now > 0 ? String(now) : "";
  }
}

function say(words, kind = "") {
  document.querySelector(".toast")?.remove();
  const toast = document.createElement("p");
  toast.className = `toast ${kind}`;
  toast.setAttribute("role", kind === "wrong" ? "alert" : "status");
  toast.textContent = words;
  document.body.append(toast);
  setTimeout(() => toast.remove(), 5_000);
}

async function toggle(form, button) {
  if (button.dataset.busy) {
    return;
  }
  button.dataset.busy = "true";
  const sent = send(form, button); // what the button says now, before it turns
  turn(button);
  try {
    await sent;
  } catch (error) {
    turn(button);
    say(error.message || "This did not work. Is there a connection?", "wrong");
  } finally {
    delete button.dataset.busy;
  }
}

async function plainly(form, button) {
  try {
    await send(form, button);
    say("Done.");
    if (button.hasAttribute("data-vanish")) {
      button.closest("article").remove();
    }
  } catch (error) {
    say(error.message || "This did not work. Is there a connection?", "wrong");
  }
}

document.addEventListener("submit", (event) => {
  const { submitter: button, target: form } = event;
  if (!form.matches("form.acts") || button === null) {
    return;
  }
  event.preventDefault();
  button.closest("details")?.removeAttribute("open");
  if (button.dataset.acts) {
    toggle(form, button);
  } else {
    plainly(form, button);
  }
});

// Other buttons, such as those between people, change what they say: the page as it is now says what.
async function renew(form, button) {
  button.disabled = true;
  try {
    await send(form, button);
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector(`form[action="${form.getAttribute("action")}"]`);
    for (const before of document.querySelectorAll("[data-renewed]")) {
      const after = page.getElementById(before.id);
      if (after !== null) {
        before.replaceWith(document.adoptNode(after));
      }
    }
    if (fresh === null) {
      (form.closest("li") ?? form).remove();
    } else {
      form.replaceWith(document.adoptNode(fresh));
      fresh.querySelector("button").focus();
    }
  } catch (error) {
    button.disabled = false;
    say(error.message || "This did not work. Is there a connection?", "wrong");
  }
}

document.addEventListener("submit", (event) => {
  const { submitter: button, target: form } = event;
  if (form.matches("form[data-renew]") && button !== null && !button.hasAttribute("data-leads")) {
    event.preventDefault();
    renew(form, button);
  }
});

// An open menu closes when one looks elsewhere.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) {
      menu.open = false;
    }
  }
});

document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" ? document.querySelector("details.menu[open]") : null;
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// Where the browser can copy, a post's menu can.
for (const link of navigator.clipboard ? document.querySelectorAll("[data-copy]") : []) {
  offerCopy(link);
}
document.addEventListener("ripstop:arrived", () => {
  if (navigator.clipboard) {
    document.querySelectorAll("[data-copy]").forEach(offerCopy);
  }
});

function offerCopy(link) {
  link.removeAttribute("data-copy");
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy the link";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(link.href);
    button.closest("details").open = false;
    say("The link is copied.");
  });
  link.after(button);
}

if ("serviceWorker" in navigator) {
  navigator.serviceWorker.register("/sw.js").catch(() => {});
}
