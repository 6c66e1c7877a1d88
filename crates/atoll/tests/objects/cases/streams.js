// Streams that an object keeps, and reads when something else happens to it: they are the object's, not the event's.

import { DurableObject } from "cloudflare:workers";
import { newStub, outcomes, wait } from "../support.js";

const pieces = (...texts) =>
  new ReadableStream({
    type: "bytes",
    start(controller) {
      for (const text of texts) controller.enqueue(new TextEncoder().encode(text));
      controller.close();
    },
  });

/** Gives a text at once, and another one later. */
const slow = (first, second) =>
  new ReadableStream({
    type: "bytes",
    async start(controller) {
      controller.enqueue(new TextEncoder().encode(first));
      await wait(30);
      controller.enqueue(new TextEncoder().encode(second));
      controller.close();
    },
  });

export class Keeper extends DurableObject {
  async fetch(request) {
    this.request = request;
    return new Response("kept");
  }

  async keepFetched(bytes) {
    this.response = await this.env.SELF.fetch("http://x/echo", { method: "POST", body: "x".repeat(bytes) });
  }

  async beginFetched(bytes) {
    await this.keepFetched(bytes);
    this.reader = this.response.body.getReader();
    const { value } = await this.reader.read();
    this.count = value.byteLength;
  }

  async goOn() {
    for (;;) {
      const { done, value } = await this.reader.read();
      if (done) return this.count;
      this.count += value.byteLength;
    }
  }

  async keepAnswered() {
    this.stream = await newStub(this.env.KEEPER).give("given", " back");
  }

  give(...texts) {
    return pieces(...texts);
  }

  giveSlowly(...texts) {
    return slow(...texts);
  }

  async keepSlow() {
    this.stream = await newStub(this.env.KEEPER).giveSlowly("slow", " stream");
  }

  keep(stream) {
    this.stream = stream;
  }

  async text() {
    return new Response(this.stream).text();
  }

  async responseText() {
    return this.response.text();
  }

  async requestText() {
    return this.request.text();
  }

  passOn() {
    return this.response;
  }

  passOnStream() {
    return this.stream;
  }

  async cancel() {
    await this.response.body.cancel("enough");
    return this.response.bodyUsed;
  }
}

const kept = (before, after) => async ({ env }) => {
  const stub = newStub(env.KEEPER, "keeper");
  return outcomes(
    () => before(stub),
    () => wait(20),
    () => after(stub),
  );
};

export const streams = {
  "streams: a response's body": kept((stub) => stub.keepFetched(10), (stub) => stub.responseText()),
  "streams: a long response's body": kept(
    (stub) => stub.keepFetched(1_000_000),
    async (stub) => (await stub.responseText()).length,
  ),
  "streams: a body half read": kept((stub) => stub.beginFetched(1_000_000), (stub) => stub.goOn()),
  "streams: what a call gave": kept((stub) => stub.keepAnswered(), (stub) => stub.text()),
  "streams: what comes later": kept((stub) => stub.keepSlow(), (stub) => stub.text()),
  "streams: a response passed on": kept(
    (stub) => stub.keepFetched(1_000_000),
    async (stub) => (await (await stub.passOn()).text()).length,
  ),
  "streams: what a call gave, passed on": kept(
    (stub) => stub.keepAnswered(),
    async (stub) => new Response(await stub.passOnStream()).text(),
  ),
  "streams: an argument": kept((stub) => stub.keep(pieces("an", " argument")), (stub) => stub.text()),
  "streams: a request": kept(
    async (stub) => (await stub.fetch("http://x/", { method: "POST", body: "sent".repeat(50_000) })).text(),
    (stub) => stub.requestText(),
  ),
  "streams: a body that is not wanted": kept((stub) => stub.keepFetched(1_000_000), (stub) => stub.cancel()),
};
