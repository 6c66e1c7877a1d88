import { zValidator } from "@hono/zod-validator";
import { Hono } from "hono";
import { z } from "zod";
import { equal } from "../support.js";

export default async function () {
  const app = new Hono().post("/", zValidator("json", z.object({ n: z.number() })), (c) => c.json(c.req.valid("json")));
  const post = (body) => app.request("/", { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } });
  equal((await post({ n: 1 })).status, 200);
  equal((await post({ n: "x" })).status, 400);
}
