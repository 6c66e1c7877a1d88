import { AutoRouter } from "itty-router";
import { equal } from "../support.js";

export default async function () {
  const router = AutoRouter().get("/a/:b", ({ params }) => ({ b: params.b }));
  equal(await (await router.fetch(new Request("http://x/a/1"))).json(), { b: "1" });
}
