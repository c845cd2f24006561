// Comfort for the forms: participants come and go without a round trip, the total follows,
// a form is sent once. Without this script the same buttons ask the server.
"use strict";

const people = document.getElementById("people");
const total = document.getElementById("total");

// What a participant costs: the price they chose, nothing as long as they have not.
function priceOf(person) {
  const chosen = person.querySelector("[name=option]");
  return Number(chosen ? chosen.selectedOptions[0]?.dataset.price ?? 0 : total.dataset.price);
}

function showTotal() {
  if (!total) return;
  const { currency, decimals } = total.dataset;
  const sum = [...people.children].reduce((before, person) => before + priceOf(person), 0);
  total.textContent = new Intl.NumberFormat(document.documentElement.lang, {
    style: "currency", currency, minimumFractionDigits: decimals, maximumFractionDigits: decimals,
  }).format(sum / 10 ** decimals);
}

function renumber() {
  const all = [...people.children];
  all.forEach((person, index) => {
    person.querySelector(".number").textContent = index + 1;
    const remove = person.querySelector(".remove");
    remove.value = index;
    remove.hidden = all.length === 1;
  });
  document.getElementById("add").hidden = all.length >= people.dataset.most;
  showTotal();
}

let added = 0;
function add() {
  const fresh = document.getElementById("person").content.cloneNode(true);
  added += 1;
  for (const name of ["id", "for", "aria-describedby"]) {
    fresh.querySelectorAll(`[${name}*=NEW]`).forEach((element) => {
      element.setAttribute(name, element.getAttribute(name).replace("NEW", `new${added}`));
    });
  }
  const family = people.lastElementChild.querySelector("[name=last_name]").value;
  fresh.querySelector("[name=last_name]").value = family;
  people.append(fresh);
  renumber();
}

function remove(button) {
  button.closest(".person").remove();
  renumber();
  document.getElementById("add").focus();
}

if (people) {
  document.getElementById("add").addEventListener("click", (event) => {
    event.preventDefault();
    add();
    people.lastElementChild.querySelector("input").focus();
  });
  people.addEventListener("change", showTotal);
  people.addEventListener("click", (event) => {
    const button = event.target.closest(".remove");
    if (!button) return;
    event.preventDefault();
    remove(button);
  });
}

// Some browsers stay on the page when there is no network, and tell it nothing.
const AGAIN_MS = 10000;

function setSent(form, sent) {
  form.toggleAttribute("data-sent", sent);
  form.querySelectorAll("button").forEach((button) => {
    if (sent) button.setAttribute("aria-disabled", "true");
    else button.removeAttribute("aria-disabled");
  });
}

for (const form of document.querySelectorAll("[data-once]")) {
  form.addEventListener("submit", (event) => {
    if (form.hasAttribute("data-sent")) event.preventDefault();
    setSent(form, true);
    setTimeout(setSent, AGAIN_MS, form, false);
  });
  // Back from the next page: the form may be sent again, and still registers only once.
  addEventListener("pageshow", () => setSent(form, false));
}

// Back from the payment page, a browser may have fetched this page anew: empty, and with a new
// key. What is remembered in its history fills the form in again, and with the old key sending it
// once more is still the same request. To be read in another language it is fetched anew, too.
const registration = document.getElementById("register");
const here = location.pathname;

function written() {
  return [...new FormData(registration)].filter(([name]) => name !== "csrfmiddlewaretoken");
}

function restore(kept) {
  const count = kept.filter(([name]) => name === "first_name").length;
  while (people.children.length < count) add();
  const seen = {};
  for (const [name, value] of kept) {
    const inputs = registration.querySelectorAll(`[name="${CSS.escape(name)}"]`);
    const nth = (seen[name] = (seen[name] ?? -1) + 1);
    if (["radio", "checkbox"].includes(inputs[0]?.type)) {
      inputs.forEach((one) => { one.checked = one.value === value; });
    } else if (inputs[nth]) inputs[nth].value = value;
  }
  showTotal();
}

if (registration) {
  const kept = JSON.parse(sessionStorage.getItem(here)) ?? history.state?.written;
  sessionStorage.removeItem(here);
  if (kept) restore(kept);
  registration.addEventListener("submit", () => history.replaceState({ written: written() }, ""));
  document.querySelector(".languages").addEventListener("submit", () => {
    sessionStorage.setItem(here, JSON.stringify(written()));
  });
}

document.querySelector("[data-focus]")?.focus();
