/** Calls a script with what it was granted, and answers with what it gave as JSON. */
import * as script from "./SCRIPT";

/** JSON that Unicode can carry: half of a surrogate pair is U+FFFD, as in all other text that leaves an isolate. */
const written = (value) => {
  const json = JSON.stringify(value);
  if (!json?.includes("\\ud")) return json;
  return json.replace(/\\(?:u.{4}|.)/g, (escape) => (escape.startsWith("\\ud") ? "\\ufffd" : escape));
};

/** A function of the host: its arguments and its result travel as JSON. */
const granted = (binding) => async (...given) => {
  const response = await binding.fetch("http://host/", { method: "POST", body: written(given) });
  const { value, error } = await response.json();
  if (error !== undefined) throw new Error(error);
  return value;
};

export default {
  async fetch(request, bindings) {
    const { input, functions } = await request.json();
    const env = { ...bindings };
    for (const name of functions) env[name] = granted(bindings[name]);
    const main = script.default ?? script.run;
    if (main === undefined) throw new TypeError("The script exports nothing to run: write `export default (input, env) => …`.");
    if (typeof main?.fetch === "function") throw new TypeError("The script is a Worker: run it with `atoll dev`, or export a function.");
    const result = typeof main === "function" ? await main(input, env) : await main;
    let json;
    try {
      json = written(result);
    } catch (error) {
      throw new TypeError(`The result cannot be written as JSON: ${error.message}`);
    }
    return new Response(json ?? "null");
  },
};
