// What moves by itself: the places of an event, and a registration that waits for its payment.
// Without this script the pages say the same; they have to be loaded again to see a change.
"use strict";

const SOON = 12 * 3600 * 1000;

function clock(moment, zone, pattern) {
  const parts = new Intl.DateTimeFormat("en-GB", {
    hour: "numeric", minute: "2-digit", hourCycle: "h23", timeZone: zone,
  }).formatToParts(moment);
  const part = (type) => parts.find((one) => one.type === type).value;
  return pattern.replace("{hour}", Number(part("hour"))).replace("{minute}", part("minute"));
}

// The same choice as places.py makes, with the sentences it sent along.
function sentence({ remaining, next_release_at }, says) {
  if (remaining > 0) {
    const which = remaining === 1 ? says.one : remaining <= says.fewUpTo ? says.few : says.many;
    return which.replace("{n}", remaining);
  }
  const next = next_release_at && new Date(next_release_at);
  const wait = next ? next - Date.now() : 0;
  if (wait <= 0 || wait >= SOON) return says.none;
  return says.next.replace("{time}", clock(next, says.zone, says.clock));
}

function followPlaces(element) {
  const source = new EventSource(element.dataset.places);
  source.addEventListener("places", ({ data }) => {
    const places = JSON.parse(data);
    if (places.remaining === null) return;
    const text = sentence(places, element.dataset);
    if (element.textContent !== text) element.textContent = text;
    element.classList.toggle("none", places.remaining === 0);
    element.classList.toggle("few", places.remaining > 0 && places.remaining <= element.dataset.fewUpTo);
    showWhen(places.remaining > 0 ? "places" : "none");
  });
  addEventListener("pagehide", () => source.close(), { once: true });
}

// One form for both: it registers while there are places, and joins the waiting list while not.
let shown;
function showWhen(now) {
  const before = shown;
  shown = now;
  const form = document.getElementById("register");
  // What the server answered to a form stays until the places move once more.
  if (!form || before === now || (before === undefined && form.querySelector("[role=alert]"))) return;
  document.querySelectorAll("[data-when]").forEach((one) => { one.hidden = one.dataset.when !== now; });
  form.action = now === "places" ? form.dataset.register : form.dataset.wait;
}

// Often at first, while somebody looks; then more rarely, for a bank may take days.
function followStatus(element) {
  const address = new URL(location.href);
  address.pathname = `${address.pathname.replace(/\/$/, "")}/status`;
  const begun = Date.now();
  const ask = async () => {
    try {
      if (!document.hidden) {
        const answer = await fetch(address, { cache: "no-store" });
        if (answer.ok && (await answer.json()).status !== element.dataset.status) {
          location.reload();
          return;
        }
      }
    } catch {
      // No network for a moment: ask again.
    }
    setTimeout(ask, Date.now() - begun < 120000 ? 2000 : 15000);
  };
  setTimeout(ask, 2000);
}

function follow() {
  document.querySelectorAll("[data-places]").forEach(followPlaces);
}

follow();
document.querySelectorAll("[data-status]").forEach(followStatus);
// Shown again from the browser's memory, after Back: places are followed anew, and what is said
// of a registration is read again. A form keeps what was written into it.
addEventListener("pageshow", ({ persisted }) => {
  if (!persisted) return;
  if (document.querySelector(".state")) location.reload();
  else follow();
});
