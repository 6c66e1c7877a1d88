/** A program, and what it is granted when it is chosen. */
const PROGRAMS = {
  "Use a power": ["weather", `for (const city of ["Oslo", "Cairo", "Lima"]) {\n  const { degrees } = await env.weather.of(city);\n  print(city, degrees);\n}\nreturn "done";`],
  "Hand a function over": ["weather", `// The power calls it back, from its process to this one.\nreturn await env.weather.best(["Oslo", "Cairo", "Lima"], (degrees: number) => -Math.abs(degrees - 15));`],
  "Ask for more": ["weather", `// Grant notes, and run it again.\nconst { degrees } = await env.weather.of("Oslo");\nawait env.notes.write("Oslo", String(degrees));\nreturn await env.notes.read("Oslo");`],
  "Look around": ["", `return {\n  env: Object.keys(env),\n  process: typeof process,\n  files: await import("node:fs").then((fs) => fs.readFileSync("/etc/passwd")).catch(String),\n};`],
  "Reach the network": ["web", `const seen = {};\nfor (const url of ["https://example.com/", "https://example.org/", "http://169.254.169.254/latest/meta-data/"]) {\n  try {\n    seen[url] = (await fetch(url)).status;\n  } catch (error) {\n    seen[url] = error.message;\n  }\n}\nreturn seen;`],
  "Never end": ["", `for (;;) {}`],
  "Eat all memory": ["", `const all = [];\nfor (;;) all.push("x".repeat(1000) + all.length);`],
  "Just wait": ["", `await new Promise((resolve) => setTimeout(resolve, 60_000));`],
  "Make a mistake": ["", `const list = [1, 2, 3];\nreturn list.map((x) => x.name.length);`],
};

const $ = (id) => document.getElementById(id);
const [program, run, time] = ["program", "run", "time"].map($);
const boxes = [...$("grants").querySelectorAll("input")];

function choose(name) {
  const [grants, text] = PROGRAMS[name];
  program.value = text;
  for (const box of boxes) box.checked = grants.split(" ").includes(box.value);
  for (const button of $("programs").children) button.setAttribute("aria-pressed", String(button.textContent === name));
}

for (const name of Object.keys(PROGRAMS)) {
  const button = document.createElement("button");
  button.textContent = name;
  button.onclick = () => {
    choose(name);
    start();
  };
  $("programs").append(button);
}
choose("Use a power");

function show(id, text, kind = "") {
  $(id).textContent = text;
  $(id).className = kind;
}

async function start() {
  run.disabled = true;
  for (const id of ["result", "log", "denied", "cost"]) show(id, "");
  time.textContent = "running …";
  const grants = boxes.filter((box) => box.checked).map((box) => box.value);
  const began = performance.now();
  try {
    const response = await fetch("/run", { method: "POST", body: JSON.stringify({ program: program.value, grants }) });
    if (!response.ok) throw new Error(await response.text());
    const { log, used, denied, result, error, ms } = await response.json();
    if (error === undefined) show("result", result, "result");
    else show("result", error, "error");
    show("log", log.join("\n") || "nothing was logged");
    show("denied", denied.join("\n") || "nothing was denied", denied.length > 0 ? "error" : "");
    show("cost", [`${ms} ms from load to result`, `${used.length} uses of what was granted`, ...used.map((line) => `  ${line}`)].join("\n"));
  } catch (error) {
    show("result", error.message, "error");
  }
  time.textContent = `${Math.round(performance.now() - began)} ms`;
  run.disabled = false;
}

run.onclick = start;
program.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) start();
});
