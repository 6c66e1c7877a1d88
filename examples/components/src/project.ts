import type { Written } from "./model";

const SERVER = `import { renderToString } from "react-dom/server";
import * as component from "./Component";
const { default: Component, load } = component as { default: React.FC<any>; load?: () => Promise<object> };

export default {
  async fetch(request: Request) {
    const props = await load?.() ?? {};
    const script = new URL(request.url).searchParams.has("plain") ? "" : '<script type="module" src="client.js"></script>';
    const data = JSON.stringify(props).replaceAll("<", "\\\\u003c");
    const html = \`<!doctype html><html lang="en"><meta charset="utf-8"><title>TITLE</title><link rel="stylesheet" href="client.css">
<div id="root">\${renderToString(<Component {...props} />)}</div>
<script type="application/json" id="props">\${data}</script>\${script}</html>\`;
    return new Response(html, { headers: { "content-type": "text/html; charset=utf-8" } });
  },
};
`;

const CLIENT = `import "./style.css";
import { hydrateRoot } from "react-dom/client";
import Component from "./Component";

const find = (id: string) => document.getElementById(id)!;
hydrateRoot(find("root"), <Component {...JSON.parse(find("props").textContent!)} />);
`;

const STYLE = `body { font: 16px/1.5 system-ui, sans-serif; margin: 1.5rem; color: #222 }
h2 { margin-top: 0 }
button, input, textarea { font: inherit }
.large { font-size: 3rem; margin: 0 0 1rem }
.row { display: block; margin: 0.3rem 0 }
.done { color: #888; text-decoration: line-through }
.columns { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem }
`;

const PAGE = `import page from "./page.html";
export default { fetch: () => new Response(page, { headers: { "content-type": "text/html; charset=utf-8" } }) };
`;

interface Project {
  files: Record<string, string>;
  server: string;
  client?: string;
  jsx?: "automatic";
  minify?: boolean;
}

/** The files of a whole program around what was written, and how it is built. */
export function project(written: Written): Project {
  if ("html" in written) return { files: { "src/server.ts": PAGE, "src/page.html": written.html }, server: "src/server.ts" };
  return {
    files: {
      "src/Component.tsx": written.react,
      "src/server.tsx": SERVER.replace("TITLE", written.title),
      "src/client.tsx": CLIENT,
      "src/style.css": STYLE,
      "package.json": JSON.stringify({ dependencies: { react: "^19", "react-dom": "^19", ...written.packages } }),
    },
    server: "src/server.tsx",
    client: "src/client.tsx",
    jsx: "automatic",
    minify: true,
  };
}
