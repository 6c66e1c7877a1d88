import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { equal } from "../support.js";

export default async function () {
  equal(bytesToHex(sha256(new TextEncoder().encode("abc"))).slice(0, 8), "ba7816bf");
}
