"use strict";

// Places move while somebody looks: one stream tells of all events of the page.
const MOST = 100;

function show(element, places) {
  const parts = { ...places, remaining: places.remaining ?? "∞" };
  for (const [name, value] of Object.entries(parts)) {
    const part = element.querySelector(`[data-part=${name}]`);
    if (part !== null && value !== null) part.textContent = value;
  }
  const paid = element.querySelector("rect.paid");
  const held = element.querySelector("rect.held");
  if (paid === null || !places.capacity) return;
  paid.parentNode.setAttribute("viewBox", `0 0 ${places.capacity} 1`);
  paid.setAttribute("width", places.confirmed);
  held.setAttribute("x", places.confirmed);
  held.setAttribute("width", places.held);
}

function follow() {
  const found = [...document.querySelectorAll("[data-places]")].slice(0, MOST);
  if (found.length === 0) return;
  const bars = new Map(found.map((element) => [element.dataset.places, element]));
  const source = new EventSource(`/api/v1/places/stream?events=${[...bars.keys()]}`);
  source.addEventListener("places", ({ data }) => {
    const places = JSON.parse(data);
    show(bars.get(places.event_id), places);
  });
  addEventListener("pagehide", () => source.close(), { once: true });
}

follow();
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) follow();
});

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}
