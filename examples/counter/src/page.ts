import type { Day } from "./index";

const escape = (text: string) => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

export function page(path: string, total: number, days: Day[]): string {
  const most = Math.max(...days.map(({ visits }) => visits));
  const bars = days.map(
    ({ day, visits }) =>
      `<li style="--part: ${visits / most}"><i></i><b>${visits}</b><time datetime="${day}">${day.slice(5)}</time></li>`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${total} visits</title>
<style>
  :root { color-scheme: light dark; --ink: light-dark(#1c2733, #e8eef4); --soft: light-dark(#6b7a88, #8c9aa8); --bar: #f0653f; }
  body { margin: 0; min-height: 100vh; display: grid; place-content: center; justify-items: center; gap: 1.2rem;
    background: light-dark(#fbf7f2, #14181d); color: var(--ink); font: 16px/1.5 ui-sans-serif, system-ui, sans-serif; }
  h1 { margin: 0; font-size: clamp(5rem, 22vw, 12rem); line-height: 1; font-weight: 800; letter-spacing: -.05em;
    font-variant-numeric: tabular-nums; }
  p { margin: 0; color: var(--soft); }
  code { color: var(--ink); overflow-wrap: anywhere; }
  ol { list-style: none; margin: 1.5rem 0 0; padding: 0; display: flex; align-items: end; gap: .6rem; }
  li { display: grid; justify-items: center; font-size: .75rem; color: var(--soft); }
  i { order: 1; width: 2.2rem; height: calc(6rem * var(--part) + 2px); background: var(--bar); border-radius: 4px 4px 0 0; }
  b { color: var(--ink); }
  time { order: 2; }
</style>
<h1>${total}</h1>
<p>${total === 1 ? "visit" : "visits"} to <code>${escape(path)}</code></p>
<ol>${bars.join("")}</ol>
</html>
`;
}
