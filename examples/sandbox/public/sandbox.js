const PROGRAMS = {
  "Use a tool": `for (const city of ["Oslo", "Cairo", "Lima"]) {\n  const { degrees } = await tools.weather(city);\n  tools.print(city, degrees);\n}\nreturn "done";`,
  "Hand a function over": `// The tool calls it back, from its process to this one.\nreturn await tools.best(["Oslo", "Cairo", "Lima"], (degrees) => -Math.abs(degrees - 15));`,
  "Look around": `return {\n  env: Object.keys(this.env),\n  process: typeof process,\n  require: typeof require,\n  files: await import("node:fs").then((fs) => fs.readFileSync("/etc/passwd")).catch(String),\n};`,
  "Reach the network": `const response = await fetch("https://example.com");\nreturn response.status;`,
  "Never end": `for (;;) {}`,
  "Eat all memory": `const all = [];\nfor (;;) all.push("x".repeat(1000) + all.length);`,
  "Just wait": `await new Promise((resolve) => setTimeout(resolve, 60_000));`,
  "Make a mistake": `const list = [1, 2, 3];\nreturn list.map((x) => x.name.length);`,
};

const $ = (id) => document.getElementById(id);
const [program, output, run, time] = ["program", "output", "run", "time"].map($);

for (const [name, text] of Object.entries(PROGRAMS)) {
  const button = document.createElement("button");
  button.textContent = name;
  button.onclick = () => {
    for (const other of $("programs").children) other.setAttribute("aria-pressed", String(other === button));
    program.value = text;
    start();
  };
  $("programs").append(button);
}
program.value = PROGRAMS["Use a tool"];

function line(text, kind = "") {
  const element = document.createElement("div");
  element.className = kind;
  element.textContent = text;
  output.append(element);
}

async function start() {
  run.disabled = true;
  output.replaceChildren();
  time.textContent = "running …";
  const began = performance.now();
  try {
    const response = await fetch("/run", { method: "POST", body: program.value });
    if (!response.ok) throw new Error(await response.text());
    const { log, result, error } = await response.json();
    for (const text of log) line(text);
    if (error === undefined) line(`→ ${result}`, "result");
    else line(error, "error");
  } catch (error) {
    line(error.message, "error");
  }
  time.textContent = `${Math.round(performance.now() - began)} ms`;
  run.disabled = false;
}

run.onclick = start;
program.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) start();
});
