"use strict";

// Places move while somebody looks. A browser opens six connections to one address at most, so
// only the first few events are followed at every moment; the others are asked for now and then.
const STREAMS = 3;
const ASK_AGAIN_MS = 15000;

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

function follow(element) {
  const source = new EventSource(`${element.dataset.places}/stream`);
  source.addEventListener("places", ({ data }) => show(element, JSON.parse(data)));
  addEventListener("pagehide", () => source.close(), { once: true });
}

async function ask(element) {
  try {
    const answer = document.hidden ? null : await fetch(element.dataset.places);
    if (answer?.ok) show(element, await answer.json());
  } catch {
    // No network for a moment: ask again.
  }
  setTimeout(ask, ASK_AGAIN_MS, element);
}

function begin() {
  const bars = [...document.querySelectorAll("[data-places]")];
  bars.slice(0, STREAMS).forEach(follow);
  return bars.slice(STREAMS);
}

for (const element of begin()) setTimeout(ask, ASK_AGAIN_MS, element);
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) begin();
});

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}
