const log = document.querySelector("#log");
const form = document.querySelector("#say");
const text = document.querySelector("#text");
const button = form.querySelector("button");

function show(kind, line) {
  const item = document.createElement("li");
  item.className = kind;
  item.textContent = line;
  log.prepend(item);
}

const socket = new WebSocket(`${location.origin.replace("http", "ws")}/echo/socket`);
socket.addEventListener("open", () => {
  show("state", "connected");
  text.disabled = button.disabled = false;
  text.focus();
});
socket.addEventListener("message", (event) => {
  const { count, text } = JSON.parse(event.data);
  show("them", `${count}: ${text}`);
});
socket.addEventListener("close", (event) => {
  show("state", `closed (${event.code})`);
  text.disabled = button.disabled = true;
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!text.value) return;
  show("me", text.value);
  socket.send(text.value);
  text.value = "";
});
