import * as bundler from "@cloudflare/worker-bundler";
import { cases } from "./cases.js";

export default {
  async fetch(request, env) {
    const load = ({ mainModule, modules }, flags = []) =>
      env.LOADER.load({ compatibilityDate: "2026-06-11", compatibilityFlags: flags, mainModule, modules }).getEntrypoint();
    const ask = async (built, url = "http://x/", flags = []) => (await load(built, flags).fetch(url)).text();
    const results = {};
    for (const [name, run] of Object.entries(cases)) {
      try {
        results[name] = (await run({ ...bundler, bundler, load, ask })) ?? null;
      } catch (error) {
        results[name] = { threw: `${error?.name}: ${error?.message}` };
      }
    }
    return Response.json(results);
  },
};
