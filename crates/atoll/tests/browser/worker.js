// What a worker does with its browser binding, over the Chrome DevTools Protocol itself.
const BASE = "http://browser/v1";

/** A connection, in the newer form: one text is one message. */
class Connection {
  #next = 1;
  #waiting = new Map();
  #events = [];

  constructor(socket) {
    socket.accept();
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.addEventListener("close", resolve));
    socket.addEventListener("message", ({ data }) => this.take(data));
  }

  take(data) {
    const message = JSON.parse(data);
    if (message.id) {
      const { resolve, reject } = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      return message.error ? reject(new Error(message.error.message)) : resolve(message.result);
    }
    for (const event of this.#events.filter(({ name }) => name === message.method)) {
      event.resolve(message.params);
    }
  }

  write(message) {
    this.socket.send(JSON.stringify(message));
  }

  send(method, params = {}, sessionId) {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.write({ id, method, params, sessionId });
    });
  }

  event(name) {
    return new Promise((resolve) => this.#events.push({ name, resolve }));
  }

  /** A new tab that has loaded a page. */
  async open(url) {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    await this.send("Page.enable", {}, sessionId);
    const loaded = this.event("Page.loadEventFired");
    await this.send("Page.navigate", { url }, sessionId);
    await loaded;
    return {
      targetId,
      evaluate: async (expression) => {
        const params = { expression, awaitPromise: true, returnByValue: true };
        return (await this.send("Runtime.evaluate", params, sessionId)).result.value;
      },
      screenshot: async () => {
        const { data } = await this.send("Page.captureScreenshot", {}, sessionId);
        return Uint8Array.from(atob(data), (sign) => sign.charCodeAt(0));
      },
    };
  }
}

/** The same in the older form: binary chunks, the first with the length of all. */
class Chunked extends Connection {
  #parts = [];
  largest = 0;

  constructor(socket) {
    socket.binaryType = "arraybuffer";
    super(socket);
  }

  take(data) {
    this.largest = Math.max(this.largest, data.byteLength);
    this.#parts.push(new Uint8Array(data));
    const whole = new Uint8Array(this.#parts.reduce((size, { length }) => size + length, 0));
    let at = 0;
    for (const part of this.#parts) {
      whole.set(part, at);
      at += part.length;
    }
    const length = new DataView(whole.buffer).getUint32(0, true);
    if (whole.length < length + 4) return;
    this.#parts = [];
    super.take(new TextDecoder().decode(whole.subarray(4)));
  }

  write(message) {
    const text = new TextEncoder().encode(JSON.stringify(message));
    const all = new Uint8Array(text.length + 4);
    new DataView(all.buffer).setUint32(0, text.length, true);
    all.set(text, 4);
    this.socket.send("ping");
    const LEAST = 7;
    for (let at = 0; at < all.length; at += Math.max(LEAST, all.length - LEAST)) {
      this.socket.send(all.subarray(at, at + Math.max(LEAST, all.length - LEAST)));
    }
  }
}

const json = async (browser, path, init) => (await browser.fetch(BASE + path, init)).json();
const acquire = async (browser, query = "") =>
  (await json(browser, `/devtools/browser${query}`, { method: "POST" })).sessionId;
const upgrade = (browser, path) => browser.fetch(BASE + path, { headers: { Upgrade: "websocket" } });
const connect = async (browser, id) =>
  new Connection((await upgrade(browser, `/devtools/browser/${id}`)).webSocket);
const close = (browser, id) => json(browser, `/devtools/browser/${id}`, { method: "DELETE" });

const actions = {
  /** Opens a page, asks it, looks at it, closes it. */
  async page(browser, url) {
    const id = await acquire(browser);
    const connection = await connect(browser, id);
    const connected = await json(browser, `/devtools/session/${id}`);
    const page = await connection.open(url);
    const told = {
      title: await page.evaluate("document.title"),
      sum: await page.evaluate("fetch('/data').then((data) => data.text())"),
      png: [...(await page.screenshot()).subarray(0, 4)],
    };
    const gone = connection.closed;
    const status = await close(browser, id);
    await gone;
    const after = await browser.fetch(`${BASE}/devtools/browser/${id}/json`);
    const [last] = (await json(browser, "/history")).history;
    return {
      ...told,
      status,
      isConnected: "connectionId" in connected,
      after: after.status,
      last: last.sessionId === id && last.closeReasonText,
      sessions: await json(browser, "/sessions"),
    };
  },

  /** Two sessions know nothing of each other, and there is no third. */
  async two(browser, url) {
    const ids = [await acquire(browser), await acquire(browser)];
    const third = await browser.fetch(`${BASE}/acquire`);
    const limits = await json(browser, "/limits");
    const pages = [];
    for (const id of ids) pages.push(await (await connect(browser, id)).open(url));
    await pages[0].evaluate("document.cookie = 'of=one; path=/'");
    const cookies = [];
    for (const page of pages) cookies.push(await page.evaluate("document.cookie"));
    const [id] = ids;
    const path = `/devtools/browser/${id}/json`;
    const made = await json(browser, `${path}/new?url=${encodeURIComponent(url)}`, { method: "PUT" });
    const listed = (await json(browser, path)).find((target) => target.id === made.id);
    const own = new Connection((await upgrade(browser, `/devtools/browser/${id}/page/${made.id}`)).webSocket);
    const { result } = await own.send("Runtime.evaluate", { expression: "6 * 7" });
    const version = await json(browser, `${path}/version`);
    const { domains } = await json(browser, `${path}/protocol`);
    await json(browser, `${path}/activate/${made.id}`);
    await json(browser, `${path}/close/${made.id}`);
    await own.closed;
    for (const id of ids) await close(browser, id);
    return {
      third: third.status,
      limits: { ...limits, activeSessions: limits.activeSessions.length },
      cookies,
      type: listed.type,
      view: /^http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{64}$/.test(listed.devtoolsFrontendUrl),
      ownAddress: listed.webSocketDebuggerUrl.endsWith(`/v1/devtools/browser/${id}/page/${made.id}`),
      answer: result.value,
      version: version["Protocol-Version"],
      hasPages: domains.some(({ domain }) => domain === "Page"),
      after: (await json(browser, "/devtools/session")).length,
    };
  },

  /** What clients from before connect with. */
  async older(browser) {
    const { sessionId } = await json(browser, "/acquire?keep_alive=600000");
    const path = `/connectDevtools?browser_session=${sessionId}`;
    const response = await upgrade(browser, path);
    const connection = new Chunked(response.webSocket);
    const again = await upgrade(browser, path);
    const page = await connection.open("about:blank");
    const long = await page.evaluate("'é'.repeat(800000)");
    await close(browser, sessionId);
    await connection.closed;
    return {
      named: response.headers.get("cf-browser-session-id") === sessionId,
      again: again.status,
      whole: long === "é".repeat(800000),
      largest: connection.largest,
    };
  },

  /** Nobody tells it anything. */
  async idle(browser) {
    const id = await acquire(browser);
    await (await connect(browser, id)).closed;
    const over = await browser.fetch(`${BASE}/devtools/session/${id}`);
    await (await browser.fetch(`${BASE}/devtools/browser/${id}`, { method: "DELETE" })).text();
    const after = await browser.fetch(`${BASE}/devtools/session/${id}`);
    const [last] = (await json(browser, "/history")).history;
    return { over: over.status, after: after.status, reason: last.closeReasonText };
  },

  /** One whose engine has sessions for the time of a connection. */
  async bound(browser) {
    const { webSocket } = await upgrade(browser, "/devtools/browser?browser=kitesurf");
    const connection = new Connection(webSocket);
    const { product } = await connection.send("Browser.getVersion");
    const { sessions: before } = await json(browser, "/sessions");
    webSocket.close(1000, "Done");
    let after = before;
    for (let polls = 0; after.length > 0 && polls < 1000; polls++) {
      await scheduler.wait(20);
      ({ sessions: after } = await json(browser, "/sessions"));
    }
    return { product: product.split("/")[0], before: before.length, after: after.length };
  },

  /** Stays until something happens to it. */
  async wait(browser) {
    const id = await acquire(browser);
    const connection = await connect(browser, id);
    console.log("session runs");
    await connection.closed;
    await (await browser.fetch(`${BASE}/devtools/browser/${id}`, { method: "DELETE" })).text();
    const [last] = (await json(browser, "/history")).history;
    return { reason: last.closeReasonText };
  },

  /** What it is asked for and does not have. */
  async refused(browser) {
    const ask = async (path, init) => {
      const response = await browser.fetch(BASE + path, init);
      return [response.status, await response.text()];
    };
    const post = (body) => ({ method: "POST", body: JSON.stringify(body) });
    return {
      route: await ask("/nothing"),
      session: await ask("/devtools/session/none"),
      recording: await ask("/devtools/browser?recording=true", post({})),
      guardrails: await ask("/devtools/browser", post({ guardrails: { allow: [] } })),
      time: await ask("/acquire?keep_alive=long"),
      upgrade: await ask("/devtools/browser"),
      method: await browser.acquire({}).catch((error) => [error.name, error.message]),
    };
  },

  async sessions(browser) {
    const { sessions } = await json(browser, "/sessions");
    return { connected: sessions.filter(({ connectionId }) => connectionId).length };
  },

  async port(_, url) {
    return fetch(`${url}/json/version`).then(
      (response) => response.text(),
      (error) => error.message,
    );
  },
};

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    try {
      const action = actions[url.pathname.slice(1)];
      return Response.json(await action(env.BROWSER, url.searchParams.get("url")));
    } catch (error) {
      return Response.json({ error: `${error.name}: ${error.message}` });
    }
  },
};
