import { H3 } from "h3";
import { equal } from "../support.js";

export default async function () {
  const app = new H3().get("/a/:id", (event) => ({ id: event.context.params.id }));
  equal(await (await app.request("/a/3")).json(), { id: "3" });
}
