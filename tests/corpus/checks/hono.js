import { Hono } from "hono";
import { cors } from "hono/cors";
import { equal } from "../support.js";

export default async function () {
  const app = new Hono().use(cors()).get("/u/:id", (c) => c.json({ id: c.req.param("id") }));
  const response = await app.request("/u/7");
  equal(await response.json(), { id: "7" });
  equal(response.headers.get("access-control-allow-origin"), "*");
}
