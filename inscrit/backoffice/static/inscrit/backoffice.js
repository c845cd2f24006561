"use strict";

// What is under way is shown as it goes on: the part is taken from the page as it is now.
const EVERY_MS = 4000;

async function refresh() {
  const part = document.querySelector("[data-refresh]");
  if (part === null) return;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById(part.id);
    const signedIn = answer.ok && !answer.redirected;
    if (signedIn && fresh === null) location.reload(); // it is over: what else the page says may be old
    if (signedIn && fresh !== null) part.replaceWith(fresh);
  } catch {
    // The server is not there at the moment; it will be asked again.
  }
  setTimeout(refresh, EVERY_MS);
}

// Pressing twice shall send once; whoever comes back to the page may press again.
function enable(form, enabled) {
  for (const button of form.querySelectorAll("[type=submit]")) button.disabled = !enabled;
}

document.addEventListener("submit", ({ target }) => {
  if (target.matches(".question")) setTimeout(() => enable(target, false));
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll(".question")) enable(form, true);
});

setTimeout(refresh, EVERY_MS);
