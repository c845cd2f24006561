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
  if (remaining === null) return "";
  if (remaining > 0) {
    const which = remaining === 1 ? says.one : remaining <= says.fewUpTo ? says.few : says.many;
    return which.replace("{n}", remaining);
  }
  const next = next_release_at && new Date(next_release_at);
  const wait = next ? next - Date.now() : 0;
  if (wait <= 0 || wait >= SOON) return says.none;
  return says.next.replace("{time}", clock(next, says.zone, says.clock));
}

function show(element, says, places) {
  const text = sentence(places, { ...says, zone: element.dataset.zone });
  if (element.textContent !== text) element.textContent = text;
  const left = places.remaining ?? Infinity;
  element.hidden = left === Infinity;
  element.classList.toggle("none", left === 0);
  element.classList.toggle("few", left > 0 && left <= says.fewUpTo);
  element.closest(".event")?.classList.toggle("over", left === 0);
  showWhen(left > 0 ? "places" : "none");
}

// One stream for the page, whether it shows one event or many. A page that nobody looks at follows
// nothing: browsers allow few connections to a site, and whoever looks again is told at once.
function followPlaces(root) {
  const shown = (id) => (id ? root.querySelector(`[data-places="${id}"]`) : root);
  let source = null;
  let again = 0;
  const stop = () => {
    clearTimeout(again);
    source?.close();
    source = null;
  };
  const start = () => {
    stop();
    source = new EventSource(root.dataset.stream);
    source.addEventListener("places", ({ data }) => {
      const places = JSON.parse(data);
      const element = shown(places.event_id);
      if (element) show(element, root.dataset, places);
    });
    // Broken off, the browser comes back by itself; refused (a restart), it never would.
    source.addEventListener("error", () => {
      if (source?.readyState === EventSource.CLOSED) again = setTimeout(start, 4000 + 4000 * Math.random());
    });
  };
  const look = () => (document.hidden ? stop() : start());
  document.addEventListener("visibilitychange", look);
  addEventListener("pagehide", () => {
    stop();
    document.removeEventListener("visibilitychange", look);
  }, { once: true });
  look();
}

// The time zone of an event is named to whoever's clock shows another time.
function nameZones() {
  for (const element of document.querySelectorAll("[data-zone-of]")) {
    const zone = element.textContent.slice(1, -1);
    const moment = new Date(element.dataset.zoneOf);
    if (clock(moment, zone, "{hour}:{minute}") !== clock(moment, undefined, "{hour}:{minute}")) element.hidden = false;
  }
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
  document.querySelector(".jump")?.toggleAttribute("hidden", now !== "places");
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
  document.querySelectorAll("[data-stream]").forEach(followPlaces);
}

follow();
nameZones();
document.querySelectorAll("[data-status]").forEach(followStatus);
// Shown again from the browser's memory, after Back: places are followed anew, and what is said
// of a registration is read again. A form keeps what was written into it.
addEventListener("pageshow", ({ persisted }) => {
  if (!persisted) return;
  if (document.querySelector(".state")) location.reload();
  else follow();
});
