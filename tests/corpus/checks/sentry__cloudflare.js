import * as Sentry from "@sentry/cloudflare";
import { equal } from "../support.js";

export default async function () {
  const handler = Sentry.withSentry(() => ({ dsn: undefined }), { async fetch() { return new Response("wrapped"); } });
  const context = { waitUntil() {}, passThroughOnException() {} };
  equal(await (await handler.fetch(new Request("http://localhost/"), {}, context)).text(), "wrapped");
}
