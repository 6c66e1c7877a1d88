const room = new URLSearchParams(location.search).get("room") || "lobby";
const messages = document.querySelector("#messages");
const present = document.querySelector("#present");
const state = document.querySelector("#state");
const form = document.querySelector("#say");
const { name, text } = form.elements;

const LONGEST_WAIT_MS = 10_000;
const PING_MS = 30_000;

document.title = document.querySelector("h1").textContent = room;
name.value = localStorage.getItem("name") ?? "";

/** A person's colour. */
const hue = (name) => [...name].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 360, 7);

function element(tag, content) {
  const made = document.createElement(tag);
  made.append(content);
  return made;
}

/** The last message shown, so that nothing shows twice after a reconnection. */
let last = { id: 0 };

function show(message) {
  if (message.id <= last.id) return;
  const atEnd = messages.scrollHeight - messages.scrollTop - messages.clientHeight < 80;
  const item = element("li", element("b", message.name));
  item.append(message.text);
  const when = new Date(message.time);
  const time = element("time", when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
  time.dateTime = when.toISOString();
  item.append(time);
  item.style.setProperty("--hue", hue(message.name));
  item.classList.toggle("mine", message.name === name.value);
  item.classList.toggle("first", message.name !== last.name);
  messages.append(item);
  last = message;
  if (atEnd) messages.scrollTop = messages.scrollHeight;
}

function showPresent(names) {
  const items = names.map((name) => {
    const item = element("li", name);
    item.style.setProperty("--hue", hue(name));
    return item;
  });
  present.replaceChildren(...items);
}

/** @type {WebSocket | undefined} */
let socket;
let failures = 0;

function connect() {
  const url = new URL(`rooms/${encodeURIComponent(room)}/socket`, location.href.replace("http", "ws"));
  url.searchParams.set("name", name.value);
  const made = (socket = new WebSocket(url));
  made.addEventListener("open", () => {
    failures = 0;
    state.textContent = "";
  });
  made.addEventListener("message", ({ data }) => {
    if (data === "pong") return;
    const heard = JSON.parse(data);
    heard.history?.forEach(show);
    if (heard.message) show(heard.message);
    if (heard.present) showPresent(heard.present);
  });
  made.addEventListener("close", () => {
    // One that was replaced is not missed.
    if (made !== socket) return;
    state.textContent = "Connecting …";
    setTimeout(connect, Math.min(LONGEST_WAIT_MS, 250 * 2 ** failures++));
  });
}

setInterval(() => {
  if (socket?.readyState === WebSocket.OPEN) socket.send("ping");
}, PING_MS);

/** Enters the room under the name that was typed. */
function enter() {
  if (name.value.trim() === "") return;
  localStorage.setItem("name", name.value);
  const left = socket;
  connect();
  left?.close(1000, "another name");
}

name.addEventListener("change", enter);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (text.value.trim() === "" || socket?.readyState !== WebSocket.OPEN) return;
  socket.send(JSON.stringify({ say: text.value }));
  text.value = "";
});

if (name.value === "") {
  state.textContent = "Who are you?";
  name.focus();
} else {
  enter();
  text.focus();
}
