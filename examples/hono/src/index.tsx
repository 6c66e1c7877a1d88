import { type Context, Hono } from "hono";
import { upgradeWebSocket } from "hono/cloudflare-workers";
import { getCookie, setCookie } from "hono/cookie";
import { html } from "hono/html";
import type { Child } from "hono/jsx";
import { secureHeaders } from "hono/secure-headers";
import { api } from "./api";
import type { App, Env } from "./env";
import { Layout } from "./layout";
import { addNote, type Note, readNotes, removeNote, toggleNote, writeNotes } from "./notes";
import { Api } from "./pages/api";
import { Echo } from "./pages/echo";
import { Home } from "./pages/home";
import { Notes } from "./pages/notes";
import { streamPage } from "./pages/stream";

const app = new Hono<App>();

app.use(secureHeaders());
app.use(async (c, next) => {
  const started = performance.now();
  c.set("requestId", crypto.randomUUID());
  await next();
  // A response that switches protocols has headers that nobody can add to.
  if (c.res.status !== 101) {
    c.header("x-request-id", c.get("requestId"));
    c.header("server-timing", `app;dur=${(performance.now() - started).toFixed(1)}`);
  }
});

function render(c: Context<App>, title: string, content: Child, status: 200 | 404 = 200) {
  const page = (
    <Layout title={title} site={c.env.TITLE} path={c.req.path}>
      {content}
    </Layout>
  );
  return c.html(html`<!doctype html>${page}`, status);
}

app.get("/", (c) => {
  const visits = Number(getCookie(c, "visits") ?? 0) + 1;
  setCookie(c, "visits", String(visits), { path: "/", maxAge: 30 * 24 * 60 * 60 });
  const greeting = visits === 1 ? "Welcome to the lagoon" : "Welcome back";
  return render(c, "Home", <Home visits={visits} greeting={greeting} />);
});

app.get("/notes", async (c) => render(c, "Notes", <Notes notes={await readNotes(c)} />));

/** Changes the notes, then shows the list by a redirect, so that a reload does not change them again. */
async function change(c: Context<App>, how: (notes: Note[]) => Note[]) {
  await writeNotes(c, how(await readNotes(c)));
  return c.redirect("/notes", 303);
}

app.post("/notes", async (c) => {
  const { text } = await c.req.parseBody<{ text: string }>();
  return change(c, (notes) => addNote(notes, text ?? ""));
});
app.post("/notes/:id/toggle", (c) => change(c, (notes) => toggleNote(notes, c.req.param("id"))));
app.post("/notes/:id/remove", (c) => change(c, (notes) => removeNote(notes, c.req.param("id"))));

app.get("/stream", streamPage);

app.get("/echo", (c) => render(c, "Echo", <Echo />));
app.get(
  "/echo/socket",
  upgradeWebSocket(() => {
    let count = 0;
    return {
      onMessage(event, socket) {
        count += 1;
        socket.send(JSON.stringify({ count, text: String(event.data) }));
      },
      onClose() {
        console.log(`echo: a socket closed after ${count} messages`);
      },
    };
  }),
);

app.get("/api", (c) => render(c, "API", <Api origin={new URL(c.req.url).origin} />));
app.route("/api", api);

app.get("/boom", () => {
  throw new TypeError("this error was asked for");
});

app.notFound((c) =>
  render(
    c,
    "Not found",
    <>
      <h1>Nothing here</h1>
      <p>
        There is no page at <code>{c.req.path}</code>. <a href="/">Go home.</a>
      </p>
    </>,
    404,
  ),
);

// Without this, Hono answers errors itself, and nobody sees where they come from.
app.onError((error) => {
  throw error;
});

export default {
  fetch: app.fetch,
  async scheduled(controller: { cron: string; scheduledTime: number }) {
    console.log(`tide turned at ${new Date(controller.scheduledTime).toISOString()} (${controller.cron})`);
  },
};

const env = { TITLE: "Test", COOKIE_SECRET: "test" } as Env;

/** `atoll test` calls these: each passes unless it throws. */
export const pages = {
  async test() {
    for (const path of ["/", "/notes", "/echo", "/api"]) {
      const response = await app.request(path, {}, env);
      if (response.status !== 200) throw new Error(`${path} answers ${response.status}`);
    }
    const missing = await app.request("/nowhere", {}, env);
    if (missing.status !== 404) throw new Error(`a missing page answers ${missing.status}`);
  },
};

export const notes = {
  async test() {
    const form = new URLSearchParams({ text: "<tide> tables" });
    const added = await app.request("/notes", { method: "POST", body: form }, env);
    const cookie = added.headers.get("set-cookie")?.split(";")[0];
    if (!cookie) throw new Error("no cookie");
    const page = await (await app.request("/notes", { headers: { cookie } }, env)).text();
    if (!page.includes("&lt;tide&gt; tables")) throw new Error("the note is not on the page");
    const forged = cookie.replace("tide", "tidy");
    const refused = await (await app.request("/api/notes", { headers: { cookie: forged } }, env)).json();
    if (JSON.stringify(refused) !== "[]") throw new Error("a forged cookie was believed");
  },
};
