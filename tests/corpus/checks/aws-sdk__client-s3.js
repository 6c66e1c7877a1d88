import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { equal } from "../support.js";

export default async function () {
  const handle = async (request) => ({ response: { statusCode: 200, headers: {}, body: new Blob([request.path]).stream() } });
  const client = new S3Client({ region: "auto", endpoint: "https://s3.example", forcePathStyle: true, credentials: { accessKeyId: "a", secretAccessKey: "b" }, requestHandler: { handle } });
  const { Body } = await client.send(new GetObjectCommand({ Bucket: "b", Key: "k" }));
  equal(await Body.transformToString(), "/b/k");
}
