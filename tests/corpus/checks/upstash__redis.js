import { Redis } from "@upstash/redis/cloudflare";
import { equal, withFetch } from "../support.js";

export default async function () {
  const redis = new Redis({ url: "https://r.example", token: "t", responseEncoding: false, enableTelemetry: false, enableAutoPipelining: false });
  const value = await withFetch(async () => Response.json({ result: JSON.stringify({ a: 1 }) }), () => redis.get("k"));
  equal(value, { a: 1 });
}
