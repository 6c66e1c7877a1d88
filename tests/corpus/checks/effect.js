import { Effect, Schema } from "effect";
import { equal } from "../support.js";

export default async function () {
  equal(await Effect.runPromise(Effect.map(Effect.succeed(20), (n) => n + 1)), 21);
  equal(Schema.decodeUnknownSync(Schema.NumberFromString)("5"), 5);
}
