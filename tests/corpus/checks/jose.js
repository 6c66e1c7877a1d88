import { SignJWT, jwtVerify, generateKeyPair } from "jose";
import { equal } from "../support.js";

export default async function () {
  const { publicKey, privateKey } = await generateKeyPair("ES256");
  const token = await new SignJWT({ a: 1 }).setProtectedHeader({ alg: "ES256" }).sign(privateKey);
  equal((await jwtVerify(token, publicKey)).payload.a, 1);
}
