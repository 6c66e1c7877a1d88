import { createFetch } from "ofetch";
import { equal } from "../support.js";

export default async function () {
  const client = createFetch({ fetch: async (url) => Response.json({ url: String(url) }) });
  equal(await client("https://o.example", { query: { a: 1 } }), { url: "https://o.example?a=1" });
}
