// A worker that passes quick actions on, and tells what came of them.
const short = async (response) => {
  const type = response.headers.get("content-type");
  const told = { status: response.status, type, ms: response.headers.has("x-browser-ms-used") };
  if (type === "application/json") return { ...told, json: await response.json() };
  if (type.startsWith("text/plain")) return { ...told, text: (await response.text()).slice(0, 30) };
  const bytes = await response.bytes();
  const view = new DataView(bytes.buffer);
  // The size is at a fixed place in a PNG.
  const size = type === "image/png" ? [view.getUint32(16), view.getUint32(20)] : undefined;
  return { ...told, begins: String.fromCharCode(...bytes.subarray(0, 4)), size };
};

/** The same from a worker that was handed the binding. */
const INSIDE = `
export default {
  async fetch(request, env) {
    const { action, options } = await request.json();
    return env.BROWSER.quickAction(action, options);
  },
};`;

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    try {
      if (url.pathname === "/inside") {
        const code = { compatibilityDate: "2026-06-11", mainModule: "m.js", modules: { "m.js": INSIDE } };
        const worker = env.LOADER.load({ ...code, env: { BROWSER: env.BROWSER }, globalOutbound: null });
        return Response.json(await short(await worker.getEntrypoint().fetch(request)));
      }
      const { action, options } = await request.json();
      return Response.json(await short(await env.BROWSER.quickAction(action, options)));
    } catch (error) {
      return Response.json({ error: String(error) });
    }
  },
};
