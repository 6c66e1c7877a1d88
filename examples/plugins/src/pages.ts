import type { Installed } from "./blog";
import { EXAMPLES } from "./examples";
import { type Manifest, POWERS, type Post } from "./plugin";

const ESCAPES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** What plugins give is text like any other: none of it is markup. */
const escape = (text: string): string => text.replace(/[&<>"]/g, (character) => ESCAPES[character] ?? character);

const html = (title: string, body: string): Response =>
  new Response(
    `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title>` +
      `<link rel="icon" href="data:,"><link rel="stylesheet" href="/style.css"><main>${body}</main></html>`,
    { headers: { "content-type": "text/html; charset=utf-8", "content-security-policy": "default-src 'self'; img-src data:; frame-ancestors 'none'" } },
  );

const powers = ({ powers }: Manifest): string =>
  powers.length === 0 ? "<p>It asks for nothing: it sees the post and changes its text.</p>" : `<ul>${powers.map((power) => `<li><b>${power}</b>: ${POWERS[power]}</li>`).join("")}</ul>`;

function article({ post, faults }: { post: Post; faults: string[] }): string {
  const text = escape(post.text).replaceAll("\n", "<br>");
  const failed = faults.map((fault) => `<p class="fault">${escape(fault)}</p>`).join("");
  return `<article><h2>${escape(post.title)}</h2><p>${text}</p>${failed}</article>`;
}

const installed = (plugin: Installed): string =>
  `<section class="plugin"><form method="post" action="/remove"><input type="hidden" name="name" value="${plugin.name}"><h3>${plugin.name}</h3><button>Remove</button></form>${powers(plugin)}</section>`;

const example = ([name, source]: [string, string]): string =>
  `<form method="post" action="/preview"><input type="hidden" name="source" value="${escape(source)}"><button>${name}</button></form>`;

export const page = (posts: { post: Post; faults: string[] }[], plugins: Installed[]): Response =>
  html(
    "Blog",
    `<h1>Blog</h1>
    <form method="post" action="/publish"><input name="title" placeholder="Title" required><textarea name="text" placeholder="Text" rows="3" required></textarea><button class="main">Publish</button></form>
    ${posts.map(article).join("")}
    <h2>Plugins</h2>${plugins.map(installed).join("") || "<p>None is installed.</p>"}
    <p>Look at one:</p><nav>${Object.entries(EXAMPLES).map(example).join("")}</nav>
    <form method="post" action="/preview"><textarea name="source" rows="6" spellcheck="false" placeholder="… or write one" required></textarea><button>Look at it</button></form>`,
  );

/** What is asked before a plugin's code runs for the first time. */
export const preview = (manifest: Manifest, source: string): Response =>
  html(
    manifest.name,
    `<h1>${manifest.name}</h1><p>This plugin wants to</p>${powers(manifest)}
    <pre>${escape(source)}</pre>
    <form method="post" action="/install"><input type="hidden" name="source" value="${escape(source)}"><button class="main">Install it</button> <a href="/">No</a></form>`,
  );
