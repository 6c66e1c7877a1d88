import { HEIGHT, Paper, WIDTH } from "./paint.js";

const COLORS = ["#23262d", "#e5484d", "#f08c00", "#e3b505", "#2f9e5f", "#0f8fb3", "#3b6fe0", "#8250df", "#d6409f", "#fffefb"];
const WIDTHS = [3, 8, 20, 44];
const ANIMALS = ["Otter", "Heron", "Lynx", "Newt", "Finch", "Marten", "Seal", "Ibis", "Hare", "Toad", "Stoat", "Wren"];
const LONGEST_WAIT_MS = 8_000;

const $ = (selector) => document.querySelector(selector);
const [board, cursors, people, state, nameField] = ["#board", "#cursors", "#people", "#state", "#name"].map($);
const paper = new Paper($("#paper"));

const pick = (list) => list[Math.floor(Math.random() * list.length)];
const random = () => 1 + Math.floor(Math.random() * 2 ** 52);

/** Who draws here, also after a reload. */
const me = { id: crypto.randomUUID?.() ?? `${random()}`, name: pick(ANIMALS), color: pick(COLORS.slice(1, -1)), width: WIDTHS[1] };
Object.assign(me, JSON.parse(localStorage.getItem("me") ?? "{}"));

const boardName = new URLSearchParams(location.search).get("board") || "main";
/** @type {WebSocket | undefined} */
let socket;
let ready = false;
let failures = 0;

// --- What others do -----------------------------------------------------------------------------------------------

function connect() {
  const url = new URL(`boards/${encodeURIComponent(boardName)}/socket`, location.href.replace("http", "ws"));
  url.searchParams.set("id", me.id);
  socket = new WebSocket(url);
  let fresh = true;
  socket.addEventListener("open", () => tellMe());
  socket.addEventListener("message", ({ data }) => {
    const happened = JSON.parse(data);
    if (fresh) paper.clear();
    fresh = false;
    if (happened.cleared) paper.clear();
    for (const part of happened.draw ?? []) {
      // What is drawn here is on the paper already.
      if (!ready || !own.has(part.stroke)) paper.add(part);
    }
    for (const stroke of happened.ended ?? []) paper.finish(stroke);
    for (const stroke of happened.undone ?? []) paper.remove(stroke);
    if (happened.people) showPeople(happened.people);
    for (const [id, at] of happened.at ?? []) moveCursor(id, at);
    if (happened.ready) {
      ready = true;
      failures = 0;
      state.textContent = "";
    }
  });
  socket.addEventListener("close", () => {
    ready = false;
    stroke = undefined;
    state.textContent = "Connecting …";
    setTimeout(connect, Math.min(LONGEST_WAIT_MS, 250 * 2 ** failures++));
  });
}

/** @type {Map<string, HTMLElement>} */
const cursorOf = new Map();

function showPeople(list) {
  people.replaceChildren(
    ...list.map(({ id, name, color }) => {
      const item = document.createElement("li");
      item.textContent = id === me.id ? `${name} (you)` : name;
      item.style.setProperty("--color", color === COLORS.at(-1) ? COLORS[0] : color);
      return item;
    }),
  );
  for (const [id, cursor] of cursorOf) {
    if (list.some((person) => person.id === id)) continue;
    cursor.remove();
    cursorOf.delete(id);
  }
  for (const { id, name, color } of list) {
    if (id === me.id) continue;
    let cursor = cursorOf.get(id);
    if (cursor === undefined) {
      cursor = document.createElement("div");
      cursor.className = "cursor";
      cursor.hidden = true;
      cursor.innerHTML = '<svg viewBox="0 0 18 22"><path d="M1 1v17l4.6-4.2 3 6.8 3-1.3-3-6.6 6.4-.4z" stroke="#fff" stroke-width="1.4"/></svg><span></span>';
      cursors.append(cursor);
      cursorOf.set(id, cursor);
    }
    cursor.querySelector("path").setAttribute("fill", color === COLORS.at(-1) ? COLORS[0] : color);
    cursor.querySelector("span").textContent = name;
    cursor.style.setProperty("--color", color === COLORS.at(-1) ? COLORS[0] : color);
  }
}

function moveCursor(id, at) {
  const cursor = cursorOf.get(id);
  if (cursor === undefined) return;
  cursor.hidden = at === null;
  if (at === null) return;
  const scale = board.clientWidth / WIDTH;
  cursor.style.transform = `translate(${at[0] * scale}px, ${at[1] * scale}px)`;
}

// --- What is done here --------------------------------------------------------------------------------------------

/** The stroke under the pointer. @type {{ id: number, pointer: number } | undefined} */
let stroke;
/** Strokes that were drawn here since the page was loaded. */
const own = new Set();
/** What was done since the last frame. */
let did = {};
let frame;

/** Says what was done, with everything else that is done in this frame. */
function tell(what) {
  Object.assign(did, what);
  frame ??= requestAnimationFrame(flush);
}

function flush() {
  cancelAnimationFrame(frame);
  frame = undefined;
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(did));
  did = {};
}

function tellMe() {
  localStorage.setItem("me", JSON.stringify(me));
  tell({ me: { name: me.name, color: me.color } });
}

/** Points of the board, to a tenth of a unit. */
function pointOf(event) {
  const { left, top, width } = board.getBoundingClientRect();
  const unit = (value) => Math.round((value * 10 * WIDTH) / width) / 10;
  return [unit(event.clientX - left), unit(event.clientY - top)];
}

function draw(points) {
  const part = { stroke: stroke.id, color: me.color, width: me.width, points };
  paper.add({ ...part, by: me.id });
  if (did.draw?.stroke === stroke.id) did.draw.points.push(...points);
  else tell({ draw: { ...part, points: [...points] } });
}

function finish() {
  if (stroke === undefined) return;
  tell({ end: stroke.id });
  // The next stroke may begin within the same frame.
  flush();
  stroke = undefined;
}

const canvas = $("#paper");
canvas.addEventListener("pointerdown", (event) => {
  if (!ready || stroke !== undefined || event.button !== 0) return;
  canvas.setPointerCapture(event.pointerId);
  stroke = { id: random(), pointer: event.pointerId };
  own.add(stroke.id);
  draw(pointOf(event));
});
canvas.addEventListener("pointermove", (event) => {
  tell({ at: pointOf(event) });
  if (stroke?.pointer !== event.pointerId) return;
  const events = event.getCoalescedEvents?.() ?? [];
  draw((events.length > 0 ? events : [event]).flatMap(pointOf));
});
for (const type of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(type, (event) => {
    if (stroke?.pointer === event.pointerId) finish();
    if (event.pointerType !== "mouse") tell({ at: null });
  });
}
canvas.addEventListener("pointerleave", () => tell({ at: null }));
addEventListener("pagehide", finish);

const undo = () => {
  finish();
  tell({ undo: true });
};
$("#undo").addEventListener("click", undo);
$("#clear").addEventListener("click", () => confirm("Clear the board for everybody?") && tell({ clear: true }));
addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.key !== "z" || event.target === nameField) return;
  event.preventDefault();
  undo();
});

// --- Tools --------------------------------------------------------------------------------------------------------

function choices(fieldset, list, property, label) {
  for (const value of list) {
    const choice = document.createElement("label");
    choice.title = label(value);
    choice.style.setProperty(`--${property}`, value);
    choice.innerHTML = `<input type="radio" name="${property}"><i></i>`;
    const input = choice.firstChild;
    input.checked = me[property] === value;
    input.addEventListener("change", () => {
      me[property] = value;
      tellMe();
    });
    fieldset.append(choice);
  }
}
choices($("#colors"), COLORS, "color", (color) => (color === COLORS.at(-1) ? "Eraser" : color));
choices($("#widths"), WIDTHS, "width", (width) => `${width} wide`);

nameField.value = me.name;
nameField.addEventListener("change", () => {
  me.name = nameField.value;
  tellMe();
});
$("#tools").addEventListener("submit", (event) => {
  event.preventDefault();
  nameField.blur();
});

/** As large as fits above the tools. */
function fit() {
  const room = { width: innerWidth - 24, height: innerHeight - $("#tools").offsetHeight - 60 };
  const width = Math.min(room.width, (room.height * WIDTH) / HEIGHT);
  const height = (width * HEIGHT) / WIDTH;
  Object.assign(board.style, {
    width: `${width}px`,
    height: `${height}px`,
    left: `${(innerWidth - width) / 2}px`,
    top: `${Math.max(12, (room.height - height) / 2 + 24)}px`,
  });
  paper.resize(width);
}
addEventListener("resize", fit);
fit();
connect();
