interface Env {
  GREETING: string;
}

function greet(greeting: string, name: string): string {
  return `${greeting}, ${name}!`;
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const url = new URL(request.url);
    const name = url.searchParams.get("name") ?? "world";
    switch (url.pathname) {
      case "/":
        return new Response(page(greet(env.GREETING, name)), {
          headers: { "content-type": "text/html; charset=utf-8" },
        });
      case "/api/hello":
        return Response.json({ message: greet(env.GREETING, name) });
      default:
        return new Response("There is nothing here.\n", { status: 404 });
    }
  },
};

// `atoll test` calls this: it passes unless it throws.
export const greeting = {
  test() {
    const got = greet("Hello", "you");
    if (got !== "Hello, you!") throw new Error(`unexpected greeting: ${got}`);
  },
};

function page(message: string): string {
  const text = message.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`);
  return `<!doctype html>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text}</title>
<style>
  :root { color-scheme: light dark; font: 18px/1.5 system-ui, sans-serif; }
  body { min-height: 90vh; display: grid; place-content: center; text-align: center; }
</style>
<h1>${text}</h1>
<form><input name="name" placeholder="Your name"> <button>Greet</button></form>
<p>Change <code>src/index.ts</code>, save, and reload. JSON is at <a href="/api/hello">/api/hello</a>.</p>
`;
}
