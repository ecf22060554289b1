// Says of each instant how long ago it is, and keeps saying so; the whole instant is what the pointer is told.

const STEPS = [
  [60, 1, ""],
  [3600, 60, "m"],
  [86400, 3600, "h"],
  [7 * 86400, 86400, "d"],
];

function ago(instant) {
  const age = Math.max(0, (Date.now() - instant.getTime()) / 1000);
  const step = STEPS.find(([most]) => age < most);
  if (step === undefined) {
    const year = instant.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
    return instant.toLocaleDateString([], { day: "numeric", month: "short", year });
  }
  return step[2] === "" ? "now" : `${Math.floor(age / step[1])}${step[2]}`;
}

function tell() {
  for (const time of document.querySelectorAll("time[datetime]")) {
    const instant = new Date(time.dateTime);
    time.textContent = ago(instant);
    time.title = instant.toLocaleString([], { dateStyle: "long", timeStyle: "short" });
  }
}

tell();
document.addEventListener("ripstop:arrived", tell);
setInterval(tell, 30_000);
