import { test, equal, deepEqual, assert, throws } from "atoll:test";

const next = (target, type) => new Promise((resolve) => target.addEventListener(type, resolve, { once: true }));

function accepted() {
  const { 0: client, 1: server } = new WebSocketPair();
  client.accept();
  server.accept();
  return [client, server];
}

test("a pair has two sockets and can be taken apart", () => {
  const pair = new WebSocketPair();
  assert(pair[0] instanceof WebSocket);
  const [first, second] = [...pair];
  equal(first, pair[0]);
  equal(second, pair[1]);
  deepEqual(Object.keys(pair), ["0", "1"]);
});

test("messages go both ways in order", async () => {
  const [client, server] = accepted();
  const seen = [];
  server.addEventListener("message", ({ data }) => seen.push(data));
  client.send("one");
  client.send("two");
  client.send("three");
  const answer = next(client, "message");
  server.addEventListener("message", ({ data }) => data === "three" && server.send("answer"));
  equal((await answer).data, "answer");
  deepEqual(seen, ["one", "two", "three"]);
});

test("messages wait until the other end accepts", async () => {
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  server.send("early");
  await Promise.resolve();
  const message = next(client, "message");
  client.accept();
  equal((await message).data, "early");
});

test("bytes arrive as a Blob or, if asked, as an ArrayBuffer", async () => {
  const [client, server] = accepted();
  equal(server.binaryType, "blob");
  let message = next(server, "message");
  client.send(new Uint8Array([1, 2]));
  const { data } = await message;
  assert(data instanceof Blob);
  deepEqual([...(await data.bytes())], [1, 2]);
  server.binaryType = "arraybuffer";
  server.binaryType = "nonsense";
  equal(server.binaryType, "arraybuffer");
  message = next(server, "message");
  client.send(new Uint8Array([0, 3, 4, 0]).subarray(1, 3));
  deepEqual([...new Uint8Array((await message).data)], [3, 4]);
});

test("sending needs accept() and an open socket", async () => {
  const { 0: client } = new WebSocketPair();
  throws(() => client.send("x"), /You must call one of accept\(\) or state.acceptWebSocket\(\)/);
  throws(() => client.close(), /You must call one of accept\(\)/);
  client.accept();
  client.accept();
  client.close();
  throws(() => client.send("x"), /Can't call WebSocket send\(\) after close\(\)/);
  client.close();
});

test("closing tells the other end, which answers by itself", async () => {
  const [client, server] = accepted();
  const [here, there] = [next(client, "close"), next(server, "close")];
  equal(client.readyState, WebSocket.OPEN);
  client.close(3001, "bye");
  equal(client.readyState, WebSocket.CLOSING);
  const event = await there;
  deepEqual([event.code, event.reason, event.wasClean], [3001, "bye", true]);
  equal(server.readyState, WebSocket.CLOSED);
  const echo = await here;
  deepEqual([echo.code, echo.reason], [3001, "bye"]);
  equal(client.readyState, WebSocket.CLOSED);
});

test("a half-open end can still send", async () => {
  const { 0: client, 1: server } = new WebSocketPair();
  client.accept();
  server.accept({ allowHalfOpen: true });
  const [closed, message] = [next(server, "close"), next(client, "message")];
  client.close(1000);
  await closed;
  equal(server.readyState, WebSocket.CLOSING);
  server.send("last");
  equal((await message).data, "last");
  server.close(1000);
  equal(server.readyState, WebSocket.CLOSED);
});

test("close codes and reasons are checked", () => {
  const [client] = accepted();
  for (const code of [0, 999, 1004, 1005, 1006, 1015, 5000]) throws(() => client.close(code), "InvalidAccessError");
  throws(() => client.close(1000, "x".repeat(124)), "SyntaxError");
  throws(() => client.close(1000, "ü".repeat(62)), "SyntaxError");
  throws(() => client.close(undefined, "reason"), "InvalidAccessError");
  client.close(4999, "ü".repeat(61));
});

test("a close without a code reads as 1005", async () => {
  const [client, server] = accepted();
  const closed = next(server, "close");
  client.close();
  equal((await closed).code, 1005);
});

test("handler attributes work", async () => {
  const [client, server] = accepted();
  const done = new Promise((resolve) => {
    server.onmessage = ({ data }) => resolve(data);
  });
  client.send("x");
  equal(await done, "x");
  server.onmessage = null;
  equal(server.onmessage, null);
});

test("attachments are copies", () => {
  const { 0: socket } = new WebSocketPair();
  equal(socket.deserializeAttachment(), null);
  const value = { list: [1], when: new Date(5) };
  socket.serializeAttachment(value);
  value.list.push(2);
  deepEqual(socket.deserializeAttachment(), { list: [1], when: new Date(5) });
  throws(() => socket.serializeAttachment("x".repeat(20_000)), /attachment' cannot be larger than 16384 bytes/);
});

test("states are constants", () => {
  const { CONNECTING, OPEN, CLOSING, CLOSED } = WebSocket;
  deepEqual([CONNECTING, OPEN, CLOSING, CLOSED], [0, 1, 2, 3]);
  deepEqual([WebSocket.READY_STATE_OPEN, WebSocket.READY_STATE_CLOSED], [1, 3]);
});

test("a client's address and protocols are checked", () => {
  for (const url of ["nonsense", "http://a/", "ws://a/#x"]) throws(() => new WebSocket(url), "SyntaxError");
  for (const protocols of ["", "a b", ["a", "a"], ["(x)"]]) {
    throws(() => new WebSocket("ws://a/", protocols), "SyntaxError");
  }
});

test("a Blob is sent as its bytes", async () => {
  const [client, server] = accepted();
  server.binaryType = "arraybuffer";
  const message = next(server, "message");
  client.send(new Blob([new Uint8Array([5, 6])]));
  deepEqual([...new Uint8Array((await message).data)], [5, 6]);
});
