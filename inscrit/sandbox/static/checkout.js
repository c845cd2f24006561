// Comfort only: the page works without it.
"use strict";

const field = (name) => document.getElementById(name);

const grouped = (text, size) =>
  text.replace(/\s/g, "").replace(new RegExp(`(.{${size}})(?=.)`, "g"), "$1 ");

field("card_number")?.addEventListener("input", ({ target }) => {
  if (target.selectionStart === target.value.length) {
    target.value = grouped(target.value.replace(/[^\d]/g, "").slice(0, 19), 4);
  }
});

field("exp")?.addEventListener("input", ({ target, inputType }) => {
  const digits = target.value.replace(/\D/g, "").slice(0, 4);
  if (inputType?.startsWith("delete")) return;
  target.value = digits.length >= 2 ? `${digits.slice(0, 2)} / ${digits.slice(2)}` : digits;
});

field("iban")?.addEventListener("blur", ({ target }) => {
  target.value = grouped(target.value.toUpperCase(), 4);
});

const settle = (input) => {
  input.removeAttribute("aria-invalid");
  document.getElementById(`${input.id}-error`)?.remove();
};

for (const input of document.querySelectorAll("input[aria-invalid]")) {
  input.addEventListener("input", () => settle(input));
}

// A second click must not pay a second time.
for (const form of document.querySelectorAll("form[data-busy]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    form.querySelector(".pay").setAttribute("aria-disabled", "true");
    form.querySelector(".busy").textContent = form.dataset.busy;
  });
}

addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    form.querySelector(".pay").removeAttribute("aria-disabled");
    form.querySelector(".busy").textContent = "";
  }
});

const fill = (name, value) => {
  const input = field(name);
  if (input && !input.value) input.value = value;
  if (input) settle(input);
};

const choose = (kind) => {
  const radio = document.querySelector(`[name=payment_method_type][value=${kind}]`);
  if (radio) radio.checked = true;
};

for (const button of document.querySelectorAll("[data-number]")) {
  button.addEventListener("click", () => {
    const number = button.dataset.number;
    const isAccount = /^[A-Z]/.test(number);
    choose(isAccount ? "sepa_debit" : "card");
    const target = field(isAccount ? "iban" : "card_number");
    target.value = number;
    settle(target);
    fill("email", "buyer@example.com");
    fill("name", "Camille Martin");
    fill("exp", "12 / 34");
    fill("cvc", "123");
    document.querySelector("button.pay").focus();
  });
}
