import { Hono } from "hono";
import { cors } from "hono/cors";
import { HTTPException } from "hono/http-exception";
import { prettyJSON } from "hono/pretty-json";
import { validator } from "hono/validator";
import type { App } from "./env";
import { addNote, readNotes, writeNotes } from "./notes";

export const api = new Hono<App>();

api.use(cors(), prettyJSON());

api.get("/time", (c) => c.json({ now: new Date().toISOString(), request: c.get("requestId") }));

api.get("/notes", async (c) => c.json(await readNotes(c)));

api.post(
  "/notes",
  validator("json", (value: { text?: unknown }) => {
    if (typeof value.text !== "string" || !value.text.trim()) {
      throw new HTTPException(400, { message: "text must be a string that is not empty" });
    }
    return { text: value.text };
  }),
  async (c) => {
    const notes = addNote(await readNotes(c), c.req.valid("json").text);
    await writeNotes(c, notes);
    return c.json(notes[0], 201);
  },
);

api.get("/digest/:word", async (c) => {
  const word = c.req.param("word");
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(word));
  const hex = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return c.json({ word, sha256: hex });
});

// A router that is mounted in another leaves what it does not know to that one, unless it says otherwise.
api.all("/*", (c) => c.json({ error: `there is no ${c.req.method} ${c.req.path}` }, 404));

api.onError((error, c) => {
  if (error instanceof HTTPException) return c.json({ error: error.message }, error.status);
  throw error;
});
