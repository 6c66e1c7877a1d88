import { AwsClient } from "aws4fetch";
import { ok } from "../support.js";

export default async function () {
  const signed = await new AwsClient({ accessKeyId: "a", secretAccessKey: "b" }).sign("https://s3.example/x");
  ok(signed.headers.get("authorization").startsWith("AWS4-HMAC-SHA256"));
}
