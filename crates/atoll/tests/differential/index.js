import { cases as calls } from "./calls.js";
import { cases as values, raw } from "./cases.js";
import { cases as shapes } from "./shapes.js";

export { Follower, Plain } from "./calls.js";

const cases = { ...calls, ...values, ...shapes };

export default {
  async fetch(request, env, ctx) {
    const [, kind, name] = new URL(request.url).pathname.split("/");
    if (kind === "raw") return raw[name](request);
    if (kind === "names") return Response.json(Object.keys(raw));
    const results = {};
    for (const [name, run] of Object.entries(cases)) {
      try {
        results[name] = (await run({ env, ctx })) ?? null;
      } catch (error) {
        results[name] = { threw: `${error?.name}: ${error?.message}` };
      }
    }
    return Response.json(results);
  },
};
