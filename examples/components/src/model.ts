/** What a model would answer: a page of HTML, or a React component and the packages that it uses. */
export type Written = { title: string; html: string } | { title: string; react: string; packages: Record<string, string> };

const poster: Written = {
  title: "Poster",
  html: `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Poster</title>
<style>
  body { margin: 0; min-height: 100vh; display: grid; place-content: center; text-align: center; font: 20px/1.4 Georgia, serif;
    color: #fff; background: linear-gradient(160deg, hsl(var(--hue, 190) 70% 30%), hsl(calc(var(--hue, 190) + 60) 70% 55%)) }
  h1 { font-size: 3rem; margin: 0 }
  button { font: inherit; margin-top: 1rem; padding: .3rem 1rem; border: 0; border-radius: 2rem }
</style>
<h1>Lagoon Night</h1>
<p>Friday, 21:00, at the long pier</p>
<div><button>Other colours</button></div>
<script>
  let hue = 190;
  document.querySelector("button").onclick = () => document.body.style.setProperty("--hue", hue += 47);
</script>
</html>
`,
};

const tasks: Written = {
  title: "Tasks",
  packages: { clsx: "^2" },
  react: `import { useState, type FormEvent } from "react";
import clsx from "clsx";

export default function Tasks() {
  const [tasks, setTasks] = useState([
    { text: "Describe a component", done: true },
    { text: "Tick this off", done: false },
  ]);
  const [text, setText] = useState("");
  const add = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim() !== "") setTasks([...tasks, { text, done: false }]);
    setText("");
  };
  const toggle = (index: number) => setTasks(tasks.map((task, at) => (at === index ? { ...task, done: !task.done } : task)));
  return (
    <section>
      <h2>Tasks</h2>
      {tasks.map((task, index) => (
        <label key={index} className={clsx("row", task.done && "done")}>
          <input type="checkbox" checked={task.done} onChange={() => toggle(index)} /> {task.text}
        </label>
      ))}
      <form onSubmit={add}>
        <input value={text} onChange={(event) => setText(event.target.value)} placeholder="What next?" aria-label="New task" />{" "}
        <button>Add</button>
      </form>
      <p>{tasks.filter((task) => !task.done).length} to do</p>
    </section>
  );
}
`,
};

const notes: Written = {
  title: "Notes",
  packages: { marked: "^16" },
  react: `import { useState } from "react";
import { marked } from "marked";

export default function Notes() {
  const [text, setText] = useState("# Notes\\n\\nWrite *Markdown* on the left.\\n\\n- rendered on the server\\n- and live here");
  const html = marked.parse(text, { async: false });
  return (
    <section className="columns">
      <textarea rows={12} value={text} onChange={(event) => setText(event.target.value)} aria-label="Markdown" />
      <article dangerouslySetInnerHTML={{ __html: html }} />
    </section>
  );
}
`,
};

const counter: Written = {
  title: "Counter",
  packages: {},
  react: `import { useState } from "react";

export default function Counter() {
  const [count, setCount] = useState(0);
  return (
    <section>
      <h2>Counter</h2>
      <p className="large">{count}</p>
      <button onClick={() => setCount(count - 1)}>−</button> <button onClick={() => setCount(count + 1)}>+</button>
    </section>
  );
}
`,
};

/** A component that does what it should not. */
const spy: Written = {
  title: "Spy",
  packages: {},
  react: `import { useEffect, useState } from "react";

const attempts: Record<string, () => unknown> = {
  network: () => fetch("https://example.com/").then((response) => response.status),
  environment: () => JSON.stringify(process.env),
  files: () => import("node:fs").then((fs) => fs.readFileSync("/etc/passwd", "utf8")),
  code: () => new Function("return 'it ran'")(),
};

export default function Spy({ log = [] }: { log?: string[] }) {
  const [page, setPage] = useState("This page does not run scripts.");
  useEffect(() => {
    try {
      setPage("In the page: " + parent.document.title);
    } catch (error) {
      setPage("In the page, the page around it: " + String(error).slice(0, 90));
    }
  }, []);
  return <section><h2>What it got</h2><ul>{log.map((line) => <li key={line}>{line}</li>)}</ul><p>{page}</p></section>;
}

/** Called on the server, where there might be something to get. */
export async function load() {
  const log: string[] = [];
  for (const [name, attempt] of Object.entries(attempts)) {
    try {
      log.push(name + ": " + (await attempt()));
    } catch (error) {
      log.push(name + ": " + String(error).slice(0, 90));
    }
  }
  return { log };
}
`,
};

const ALL = { poster, tasks, notes, counter, spy };

const WORDS: [RegExp, keyof typeof ALL][] = [
  [/poster|invit|html/i, "poster"],
  [/task|todo|list|tick/i, "tasks"],
  [/note|markdown|edit/i, "notes"],
  [/spy|secret|steal/i, "spy"],
  [/count|number|plus/i, "counter"],
];

/** What was written, by its name. */
export const written = (name: string): Written | undefined => (Object.hasOwn(ALL, name) ? ALL[name as keyof typeof ALL] : undefined);

/** The name of what a description asks for, if this stand-in for a model has it. */
export const write = (description: string): string | undefined => WORDS.find(([words]) => words.test(description))?.[1];
