import { Elysia } from "elysia";
import { equal } from "../support.js";

export default async function () {
  const app = new Elysia({ aot: false }).get("/a/:id", ({ params }) => params.id);
  equal(await (await app.handle(new Request("http://localhost/a/9"))).text(), "9");
}
