import { test, equal, deepEqual, assert, rejects } from "atoll:test";

const bytesOf = (...bytes) => new Uint8Array(bytes);

test("every kind of body reads as text", async () => {
  const bodies = [
    ["plain", "plain"],
    [bytesOf(104, 105), "hi"],
    [bytesOf(104, 105).buffer, "hi"],
    [new DataView(bytesOf(0, 104, 105).buffer, 1), "hi"],
    [new Blob(["bl", "ob"]), "blob"],
    [new URLSearchParams({ a: "1 2" }), "a=1+2"],
    [12, "12"],
    [{ toString: () => "made" }, "made"],
    [new Date(NaN), "Invalid Date"],
  ];
  for (const [body, text] of bodies) equal(await new Response(body).text(), text);
});

test("every reader gives its type", async () => {
  const make = () => new Response('{"a":1}', { headers: { "content-type": "Application/JSON; charset=utf-8" } });
  deepEqual(await make().json(), { a: 1 });
  equal((await make().arrayBuffer()).byteLength, 7);
  assert((await make().bytes()) instanceof Uint8Array);
  const blob = await make().blob();
  equal(blob.type, "application/json;charset=utf-8");
  equal(await blob.text(), '{"a":1}');
});

test("bytes that are no UTF-8 are replaced and a byte order mark is dropped", async () => {
  equal(await new Response(bytesOf(0xef, 0xbb, 0xbf, 0x61)).text(), "a");
  equal(await new Response("\ufeffa").text(), "a");
  equal(await new Response(bytesOf(0x61, 0xff, 0x62)).text(), "a\ufffdb");
  equal(await new Response(bytesOf(0xf0, 0x9f, 0x98)).text(), "\ufffd");
  deepEqual(await new Response(bytesOf(0xef, 0xbb, 0xbf, 0x31)).json(), 1);
});

test("empty bodies", async () => {
  equal(await new Response().text(), "");
  equal((await new Response().arrayBuffer()).byteLength, 0);
  equal((await new Response("").blob()).size, 0);
  await rejects(new Response().json(), SyntaxError);
  await rejects(new Response("").json(), SyntaxError);
  await rejects(new Response().formData(), /requires a Content-Type header/);
});

test("the bytes are copied when the body is made", async () => {
  const bytes = bytesOf(97, 98);
  const response = new Response(bytes);
  bytes[0] = 120;
  equal(await response.text(), "ab");
});

test("a stream of bytes is read to its end", async () => {
  const stream = new ReadableStream({
    pull(controller) {
      this.count = (this.count ?? 0) + 1;
      controller.enqueue(bytesOf(96 + this.count));
      if (this.count === 3) controller.close();
    },
  });
  equal(await new Response(stream).text(), "abc");
});

test("a stream's error reaches the reader", async () => {
  const failure = new Error("broken");
  const stream = new ReadableStream({ start: (controller) => controller.error(failure) });
  const error = await rejects(new Response(stream).text());
  equal(error, failure);
});

test("a locked or used stream is no body", async () => {
  const stream = new ReadableStream({ start: (controller) => controller.enqueue(bytesOf(1)) });
  const response = new Response(stream);
  stream.getReader();
  await rejects(response.text(), TypeError);
});

test("bodyUsed follows the stream", async () => {
  const response = new Response("abc");
  const { body } = response;
  equal(response.body, body);
  equal(response.bodyUsed, false);
  equal(body.locked, false);
  const reader = body.getReader();
  equal(response.bodyUsed, false);
  deepEqual([...(await reader.read()).value], [97, 98, 99]);
  equal(response.bodyUsed, true);
  await rejects(response.text(), TypeError);
});

test("after reading, the body is a used stream", async () => {
  const response = new Response("abc");
  await response.text();
  assert(response.body instanceof ReadableStream);
  equal(response.bodyUsed, true);
});

test("a body moves into another response", async () => {
  for (const [source, text] of [["äbc", "äbc"], [bytesOf(97, 98), "ab"], ["", ""], ["\ufeffx", "x"], ["\ud800", "\ufffd"]]) {
    const first = new Response(source, { status: 202, headers: { one: "1" } });
    const { body } = first;
    const second = new Response(body, first);
    second.headers.set("two", "2");
    deepEqual([second.status, second.headers.get("one"), first.headers.has("two")], [202, "1", false]);
    equal(second.body, body);
    deepEqual([body.locked, first.bodyUsed, second.bodyUsed], [false, false, false]);
    equal(await second.text(), text);
    deepEqual([first.bodyUsed, second.bodyUsed], [true, true]);
    await rejects(first.text(), /already been used/);
  }
});

test("a stream of a body is what others are, whoever looks into it first", async () => {
  const body = (source = "abc") => new Response(source).body;
  const read = async (stream) => new TextDecoder().decode(await new Response(stream).arrayBuffer());
  const [one, two] = body().tee();
  deepEqual([await read(one), await read(two)], ["abc", "abc"]);
  equal(await read(body().pipeThrough(new IdentityTransformStream())), "abc");
  const into = await body().getReader({ mode: "byob" }).read(new Uint8Array(2));
  deepEqual([...into.value], [97, 98]);
  const cancelled = body();
  await cancelled.cancel();
  deepEqual(await cancelled.getReader().read(), { value: undefined, done: true });
  const reader = body("").getReader();
  await reader.closed;
  deepEqual(await reader.read(), { value: undefined, done: true });
  let text = "";
  for await (const chunk of body()) text += String.fromCharCode(...chunk);
  equal(text, "abc");
  const original = bytesOf(97, 98);
  const held = body(original);
  original[0] = 0;
  equal(await read(held), "ab");
  const response = new Response("abc");
  const request = new Request(new Request("http://a/", { method: "POST", body: response.body }));
  deepEqual([await request.text(), response.bodyUsed], ["abc", true]);
});

test("iterables give chunks", async () => {
  async function* chunks() {
    yield bytesOf(97);
    yield bytesOf(98, 99);
  }
  equal(await new Response(chunks()).text(), "abc");
  equal(await new Response([bytesOf(97), bytesOf(98)]).text(), "ab");
});

test("forms come back from both encodings", async () => {
  const form = await new Response("a=1&b=%C3%BC+x&a=2", {
    headers: { "content-type": "application/x-www-form-urlencoded" },
  }).formData();
  deepEqual([...form], [["a", "1"], ["b", "ü x"], ["a", "2"]]);
  const made = new FormData();
  made.append("field", "value\r\nline");
  made.append("file", new Blob(["content"], { type: "text/x" }), "name.txt");
  const read = await new Response(made).formData();
  equal(read.get("field"), "value\r\nline");
  const file = read.get("file");
  deepEqual([file.name, file.type, await file.text()], ["name.txt", "text/x", "content"]);
});

test("formData() wants a type that it knows", async () => {
  const read = (type) => new Response("x", { headers: { "content-type": type } }).formData();
  await rejects(read("text/plain"), /FormData can only parse the following MIME types/);
  await rejects(read("multipart/form-data"), /No boundary string in Content-Type header/);
  await rejects(read("multipart/form-data; boundary=b"), /No initial boundary string/);
  await rejects(read("application/x-www-form-urlencoded;charset=latin1"), /Non-utf-8/);
});

test("methods reject on the wrong kind of object", async () => {
  await rejects(async () => Response.prototype.text.call({}), TypeError);
});
