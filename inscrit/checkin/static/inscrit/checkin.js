// The entrance with a camera. Without this script the search and its buttons do the same.
// What the network does not take is kept in the browser and tried again until it is answered.
"use strict";

const page = document.getElementById("entrance");
const says = page.dataset;
const place = document.getElementById("result");
const trouble = document.getElementById("trouble");
const refusals = document.getElementById("refusals");
const KEEP = `inscrit-entrance-${says.event}`;
const AGAIN_MS = 3000;
const PATIENCE_MS = 8000;
const OUT_OF_SIGHT_MS = 2500;
const FOR_GOOD = [400, 404, 413, 422]; // answered alike however often it is asked

// A proxy says 404 as well, while the server behind it is started anew.
const isFinal = ({ status, headers }) => FOR_GOOD.includes(status) && (status !== 404 || headers.has("Cross-Origin-Opener-Policy"));

// Waiting requests, the oldest first; they survive a reload and a dead battery.

const waiting = () => JSON.parse(localStorage.getItem(KEEP) ?? "[]");
const keep = (those) => localStorage.setItem(KEEP, JSON.stringify(those));

function ask(fields) {
  keep([...waiting(), { scan: moment(), ...fields }]);
  send();
}

// crypto.randomUUID is not there on an address without https.
const moment = () => `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;

// Read each time: logging in again, in another tab, makes a new one.
const token = () => /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie)?.[1] ?? says.csrf;

class Refused extends Error {}
class LoggedOut extends Refused {}

let sending = false;
let again = 0;

async function send() {
  if (sending) return;
  sending = true;
  try {
    let isFirst = true;
    for (let [next] = waiting(); next; [next] = waiting()) {
      const answer = await fetch(says.here, {
        method: "POST",
        headers: { Accept: "application/json", "X-CSRFToken": token() },
        body: new URLSearchParams(next),
        redirect: "error",
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      if (answer.status === 401 || answer.status === 403) throw new LoggedOut(says.loggedOut);
      if (isFinal(answer)) {
        giveUp(next, answer.status);
        continue;
      }
      if (!answer.ok) throw new Refused(says.refused.replace("{status}", answer.status));
      const told = await answer.json();
      forget(next);
      show(told, isFirst);
      isFirst = false;
    }
    trouble.hidden = true;
  } catch (error) {
    const sentence = error instanceof Refused ? error.message : says.waiting;
    complain(sentence.replace("{n}", waiting().length), error instanceof LoggedOut);
    clearTimeout(again);
    again = setTimeout(send, AGAIN_MS);
  } finally {
    sending = false;
  }
}

function forget(asked) {
  const sent = JSON.stringify(asked); // those of one family have one scan; another tab may have been faster
  keep(waiting().filter((one) => JSON.stringify(one) !== sent));
}

// The others go on. This one is never let in unnoticed, nor left out: it is told until the page is left.
function giveUp(asked, status) {
  const [, number] = (asked.code ?? "").split(":");
  const card = document.createElement("p");
  card.className = "result bad";
  const what = asked.registration ?? number ?? asked.code ?? "?";
  card.textContent = says.givenUp.replace("{status}", status).replace("{what}", () => what.slice(0, 60));
  refusals.append(card);
  forget(asked);
  signal("bad");
}

// Of those sent one right after the other, what was not good stays in sight above the last.
function show({ level, html, arrived, expected }, isFirst) {
  if (isFirst) place.replaceChildren();
  place.querySelectorAll(".good, .plain").forEach((passed) => passed.remove());
  place.insertAdjacentHTML("beforeend", html); // written and escaped by our own server
  place.lastElementChild.classList.add("new");
  document.getElementById("arrived").textContent = arrived;
  document.getElementById("expected").textContent = expected;
  signal(level);
  refreshList();
  place.scrollIntoView({ block: "nearest" });
}

// Whoever stands in the list may have come in meanwhile.
async function refreshList() {
  const list = document.querySelector(".found");
  if (!list) return;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const found = fresh.querySelector(".found");
    if (found) list.replaceWith(found);
  } catch {
    // No network: the list stays as it is, and what it is asked is answered rightly.
  }
}

// Heard and felt without looking: one high tone, or two or three low ones.

const TONES = { good: [880], warn: [440, 440], bad: [196, 196, 196], plain: [] };
let audio = null;

function signal(level) {
  navigator.vibrate?.(TONES[level].map(() => [level === "good" ? 80 : 180, 80]).flat());
  if (!audio) return;
  TONES[level].forEach((pitch, n) => {
    const tone = new OscillatorNode(audio, { frequency: pitch, type: level === "good" ? "sine" : "square" });
    const volume = new GainNode(audio, { gain: 0.25 });
    tone.connect(volume).connect(audio.destination);
    tone.start(audio.currentTime + n * 0.25);
    tone.stop(audio.currentTime + n * 0.25 + 0.18);
  });
}

// Buttons of the page, without leaving it.

document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-deed]")) return;
  event.preventDefault();
  const fields = Object.fromEntries(new FormData(event.target, event.submitter));
  delete fields.csrfmiddlewaretoken;
  ask(fields);
});

// The camera.

const camera = document.getElementById("camera");
const video = document.getElementById("video");
let last = { code: "", at: 0 };

async function start() {
  audio ??= new AudioContext();
  if (!navigator.mediaDevices) return complain(says.insecure);
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({
      audio: false,
      video: { facingMode: "environment", width: { ideal: 1280 } },
    });
    await video.play();
  } catch {
    return complain(says.noCamera);
  }
  camera.classList.add("on");
  navigator.wakeLock?.request("screen").catch(() => {}); // a comfort, not a need
  look(await reader());
}

// The same sentence is read out once, not with every try.
function complain(sentence, isLoggedOut = false) {
  const [said, way] = trouble.children;
  if (said.textContent !== sentence) said.textContent = sentence;
  way.hidden = !isLoggedOut;
  trouble.hidden = false;
}

// The browser's own reader where it has one, else jsQR on a smaller picture.
async function reader() {
  const formats = await globalThis.BarcodeDetector?.getSupportedFormats();
  if (formats?.includes("qr_code")) {
    const detector = new BarcodeDetector({ formats: ["qr_code"] });
    return async () => (await detector.detect(video))[0]?.rawValue;
  }
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  return async () => {
    canvas.width = Math.min(720, video.videoWidth);
    canvas.height = Math.round((canvas.width * video.videoHeight) / video.videoWidth);
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    const { data, width, height } = context.getImageData(0, 0, canvas.width, canvas.height);
    return jsQR(data, width, height, { inversionAttempts: "dontInvert" })?.data;
  };
}

async function look(read) {
  const code = document.hidden || !video.videoWidth ? "" : await read().catch(() => "");
  if (code) seen(code);
  setTimeout(look, 120, read);
}

// A code is asked for once, until it was out of sight for a while.
function seen(code) {
  const now = Date.now();
  const isNew = code !== last.code || now - last.at > OUT_OF_SIGHT_MS;
  last = { code, at: now };
  if (isNew) ask({ deed: "scan", code });
}

camera.hidden = false;
document.getElementById("start").addEventListener("click", start);
addEventListener("online", send);
send();
