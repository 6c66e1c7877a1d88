import { createClient } from "@libsql/client/web";
import { equal, ok } from "../support.js";

export default async function () {
  let url;
  const client = createClient({ url: "https://db.example", fetch: async (request) => { url = String(request.url ?? request); return Response.json({}, { status: 500 }); } });
  equal(await client.execute("select 1").then(() => "", (error) => error.name !== ""), true);
  ok(url.startsWith("https://db.example"));
}
