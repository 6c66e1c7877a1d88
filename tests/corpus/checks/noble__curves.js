import { ed25519 } from "@noble/curves/ed25519.js";
import { equal } from "../support.js";

export default async function () {
  const key = ed25519.utils.randomSecretKey();
  const message = new Uint8Array([1, 2]);
  equal(ed25519.verify(ed25519.sign(message, key), message, ed25519.getPublicKey(key)), true);
}
