import { Hono } from "hono";
import { logger } from "hono/logger";

const app = new Hono();

app.use(logger());

app.get("/", (c) => {
  const name = c.req.query("name") ?? "world";
  return c.html(
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Hello, {name}!</title>
        <style>{":root { color-scheme: light dark; font: 18px/1.5 system-ui, sans-serif } body { min-height: 90vh; display: grid; place-content: center; text-align: center }"}</style>
      </head>
      <body>
        <h1>Hello, {name}!</h1>
        <form>
          <input name="name" placeholder="Your name" /> <button>Greet</button>
        </form>
        <p>
          Change <code>src/index.tsx</code>, save, and reload.
        </p>
      </body>
    </html>,
  );
});

app.get("/api/hello", (c) => c.json({ message: `Hello, ${c.req.query("name") ?? "world"}!` }));

export default app;

// `atoll test` calls this: it passes unless it throws.
export const api = {
  async test() {
    const response = await app.request("/api/hello?name=you");
    const { message } = (await response.json()) as { message: string };
    if (message !== "Hello, you!") throw new Error(`unexpected message: ${message}`);
  },
};
