import ky from "ky";
import { equal } from "../support.js";

export default async function () {
  const client = ky.create({ fetch: async (request) => Response.json({ method: request.method }) });
  equal(await client.post("https://k.example", { json: {} }).json(), { method: "POST" });
}
