import { cases, raw } from "./cases.js";

export default {
  async fetch(request, env) {
    const [, kind, name] = new URL(request.url).pathname.split("/");
    if (kind === "raw") return raw[name](request);
    if (kind === "names") return Response.json(Object.keys(raw));
    const results = {};
    for (const [name, run] of Object.entries(cases)) {
      try {
        results[name] = (await run({ env })) ?? null;
      } catch (error) {
        results[name] = { threw: `${error?.name}: ${error?.message}` };
      }
    }
    return Response.json(results);
  },
};
