// Redraws the board when something happens, and sends its forms without leaving the page.
"use strict";

const board = document.getElementById("board");
const message = document.getElementById("message");
const live = document.querySelector(".live");

// A half-filled form is the reader's: it is carried over, as are open details and the focus.
const kept = () => ({
  open: [...board.querySelectorAll("details[open]")].map((each) => each.id),
  fields: [...board.querySelectorAll("input[id], select[id]")].map((each) => [each.id, each.value]),
  focus: document.activeElement?.id,
});

const restore = ({ open, fields, focus }) => {
  const find = (id) => (id ? document.getElementById(id) : null);
  for (const id of open) find(id)?.setAttribute("open", "");
  for (const [id, value] of fields) if (find(id)) find(id).value = value;
  find(focus)?.focus({ preventScroll: true });
};

const redraw = async () => {
  const answer = await fetch("/dashboard/board");
  if (!answer.ok) return;
  const html = await answer.text();
  const before = kept();
  board.innerHTML = html;
  restore(before);
};

board.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const values = Object.fromEntries([...new FormData(form)].filter(([, value]) => value !== ""));
  const answer = await fetch(form.action, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(values),
  });
  const found = await answer.json();
  message.textContent = found?.error
    ? message.dataset.failed.replace("{}", found.error.message)
    : "";
  await redraw();
});

const stream = new EventSource("/dashboard/stream");
stream.addEventListener("changed", redraw);
stream.addEventListener("open", () => {
  live.textContent = live.dataset.live;
  live.classList.add("on");
});
stream.addEventListener("error", () => live.classList.remove("on"));
