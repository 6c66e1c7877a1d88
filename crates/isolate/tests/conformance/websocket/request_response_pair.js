import { test, equal, throws } from "atoll:test";

test("a request and response pair keeps both", () => {
  const pair = new WebSocketRequestResponsePair("ping", "pong");
  equal(pair.request, "ping");
  equal(pair.response, "pong");
  throws(() => new WebSocketRequestResponsePair("only"), TypeError);
});
