// R2 as Cloudflare's pages and workerd's texts have it.
import { assert, collect, failure, streamOf } from "./support.js";

const { equal, deepEqual } = assert.default ?? assert;
const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
const ABC = "900150983cd24fb0d6963f7d28e17f72";
const MIB = 1024 * 1024;

/** A stream whose length is known. */
function fixed(size) {
  const { readable, writable } = new FixedLengthStream(size);
  streamOf(size).pipeTo(writable);
  return readable;
}

const cases = {
  async "objects come back with what is said of them"({ R2 }) {
    equal(await R2.head("none"), null);
    equal(await R2.get("none"), null);
    const put = await R2.put("a/b", "abc", {
      httpMetadata: { contentType: "text/plain", cacheControl: "no-store", cacheExpiry: new Date(86_400_000) },
      customMetadata: { who: "mé" },
    });
    equal(put.constructor.name, "HeadResult");
    deepEqual(
      [put.key, put.size, put.etag, put.httpEtag, put.storageClass, put.customMetadata],
      ["a/b", 3, ABC, `"${ABC}"`, "Standard", { who: "mé" }],
    );
    equal(put.uploaded instanceof Date, true);
    equal(/^[0-9a-f]{32}$/.test(put.version), true);
    const got = await R2.get("a/b");
    equal(got.constructor.name, "GetResult");
    equal(got.bodyUsed, false);
    equal(await got.text(), "abc");
    equal(got.bodyUsed, true);
    deepEqual(got.range, { offset: 0, length: 3 });
    equal(hex(got.checksums.md5), ABC);
    deepEqual(got.checksums.toJSON(), { md5: ABC });
    const headers = new Headers();
    got.writeHttpMetadata(headers);
    deepEqual(Object.fromEntries(headers), {
      "cache-control": "no-store", "content-type": "text/plain", expires: "Fri, 02 Jan 1970 00:00:00 GMT",
    });
    deepEqual((await R2.head("a/b")).httpMetadata.cacheExpiry, new Date(86_400_000));
    equal((await R2.head("a/b")).version, put.version);
    equal((await (await R2.get("a/b")).arrayBuffer()).byteLength, 3);
    deepEqual([...(await (await R2.get("a/b")).bytes())], [97, 98, 99]);
    const blob = await (await R2.get("a/b")).blob();
    deepEqual([blob.type, await blob.text()], ["text/plain", "abc"]);
    equal(await collect((await R2.get("a/b")).body), "abc");
    await R2.put("a/b", '{"n":1}');
    deepEqual(await (await R2.get("a/b")).json(), { n: 1 });
    equal(await R2.delete("a/b"), undefined);
    equal(await R2.head("a/b"), null);
    equal(await R2.delete("a/b"), undefined);
  },
  async "values of all kinds and sizes are taken"({ R2 }) {
    await R2.put("null", null);
    equal((await R2.get("null")).size, 0);
    equal(await (await R2.get("null")).text(), "");
    await R2.put("blob", new Blob(["blob"]));
    equal(await (await R2.get("blob")).text(), "blob");
    await R2.put("view", new Uint8Array([1, 2, 3]).subarray(1));
    deepEqual([...(await (await R2.get("view")).bytes())], [2, 3]);
    const large = await R2.put("large", fixed(3 * MIB));
    deepEqual([large.size, large.etag], [3 * MIB, hex(await crypto.subtle.digest("MD5", new Uint8Array(3 * MIB).fill(97)))]);
    equal((await (await R2.get("large")).arrayBuffer()).byteLength, 3 * MIB);
    await R2.put("body", new Response("from a response").body);
    equal(await (await R2.get("body")).text(), "from a response");
    equal(
      await failure(() => R2.put("unknown", streamOf(10))),
      "TypeError: Provided readable stream must have a known length (request/response body or readable half of FixedLengthStream)",
    );
  },
  async "parts of an object are read"({ R2 }) {
    await R2.put("digits", "0123456789");
    await R2.put("large", fixed(200_000));
    const read = async (range) => {
      const got = await R2.get("digits", { range });
      return [await got.text(), got.range, got.size];
    };
    deepEqual(await read({ offset: 2 }), ["23456789", { offset: 2, length: 8 }, 10]);
    deepEqual(await read({ offset: 2, length: 3 }), ["234", { offset: 2, length: 3 }, 10]);
    deepEqual(await read({ length: 2 }), ["01", { offset: 0, length: 2 }, 10]);
    deepEqual(await read({ suffix: 3 }), ["789", { offset: 7, length: 3 }, 10]);
    deepEqual(await read({ offset: 8, length: 100 }), ["89", { offset: 8, length: 2 }, 10]);
    deepEqual(await read(new Headers({ range: "bytes=1-3" })), ["123", { offset: 1, length: 3 }, 10]);
    deepEqual(await read(new Headers({ range: "bytes=-2" })), ["89", { offset: 8, length: 2 }, 10]);
    deepEqual(await read(new Headers({ range: "bytes=0-1,3-4" })), ["0123456789", { offset: 0, length: 10 }, 10]);
    equal((await (await R2.get("large", { range: { offset: 199_990 } })).text()).length, 10);
    equal((await (await R2.get("large", { range: { offset: 5, length: 100_000 } })).text()).length, 100_000);
    equal(await failure(() => R2.get("digits", { range: { offset: 11 } })), "Error: get: The requested range is not satisfiable (10039)");
    equal(
      await failure(() => R2.get("digits", { range: { offset: -1 } })),
      "RangeError: Invalid range. Starting offset (-1) must be greater than or equal to 0.",
    );
    equal(await failure(() => R2.get("digits", { range: { suffix: 1, offset: 1 } })), "TypeError: Suffix is incompatible with offset.");
  },
  async "conditions are kept"({ R2 }) {
    const { etag, uploaded } = await R2.put("c", "abc");
    const get = async (onlyIf) => (await R2.get("c", { onlyIf })).body !== undefined;
    const [before, after] = [new Date(uploaded.getTime() - 10_000), new Date(uploaded.getTime() + 10_000)];
    deepEqual(
      [
        await get({ etagMatches: etag }), await get({ etagMatches: "other" }), await get({ etagMatches: "*" }),
        await get({ etagDoesNotMatch: etag }), await get({ etagDoesNotMatch: "other" }),
        await get({ uploadedAfter: before }), await get({ uploadedAfter: after }),
        await get({ uploadedBefore: after }), await get({ uploadedBefore: before }),
      ],
      [true, false, true, false, true, true, false, true, false],
    );
    const header = (name, value) => get(new Headers({ [name]: value }));
    deepEqual(
      [
        await header("if-match", `"x", "${etag}"`), await header("if-match", `W/"${etag}"`),
        await header("if-none-match", `W/"${etag}"`), await header("if-none-match", '"x"'),
        await header("if-modified-since", after.toUTCString()),
      ],
      [true, false, false, true, false],
    );
    equal((await R2.get("c", { onlyIf: { etagMatches: "other" } })).constructor.name, "HeadResult");
    equal(await R2.put("c", "new", { onlyIf: { etagMatches: "other" } }), null);
    equal(await (await R2.get("c")).text(), "abc");
    equal((await R2.put("c", "new", { onlyIf: { etagMatches: etag } })).size, 3);
    equal(await R2.put("c", "newer", { onlyIf: { etagDoesNotMatch: "*" } }), null);
    equal((await R2.put("fresh", "x", { onlyIf: { etagDoesNotMatch: "*" } })).size, 1);
    equal(
      await failure(() => R2.get("c", { onlyIf: { etagMatches: `"${etag}"` } })),
      `TypeError: Conditional ETag should not be wrapped in quotes ("${etag}").`,
    );
  },
  async "checksums are checked"({ R2 }) {
    const sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const put = await R2.put("sum", "abc", { sha256 });
    deepEqual(put.checksums.toJSON(), { md5: ABC, sha256 });
    equal(hex((await R2.head("sum")).checksums.sha256), sha256);
    await R2.put("sum", fixed(100_000), { sha1: await crypto.subtle.digest("SHA-1", new Uint8Array(100_000).fill(97)) });
    equal(
      await failure(() => R2.put("sum", "abd", { md5: ABC })),
      "Error: put: The MD5 checksum you specified did not match what we received.\n" +
        `You provided a MD5 checksum with value: ${ABC}\nActual MD5 was: 4911e516e5aa21d327512e0c8b197616 (10037)`,
    );
    equal((await R2.head("sum")).size, 100_000);
    equal(await failure(() => R2.put("s", "", { md5: "ab" })), "TypeError: MD5 is 32 hex characters, not 2");
    equal(await failure(() => R2.put("s", "", { sha1: new Uint8Array(3) })), "TypeError: SHA-1 is 20 bytes, not 3");
    equal(await failure(() => R2.put("s", "", { md5: ABC, sha256 })), "TypeError: You cannot specify multiple hashing algorithms.");
  },
  async "keys are listed in pages and by prefixes"({ LIST }) {
    const names = ["a/1", "a/2", "a/b/1", "a/b/2", "b", "c/1", "z"];
    for (const key of names) await LIST.put(key, key, { customMetadata: { key }, httpMetadata: { contentType: "x/y" } });
    const all = await LIST.list();
    deepEqual(all.objects.map(({ key }) => key), names);
    deepEqual([all.truncated, "cursor" in all, all.delimitedPrefixes], [false, false, []]);
    equal(all.objects[0].customMetadata, undefined);
    equal(
      await failure(() => all.objects[0].writeHttpMetadata(new Headers())),
      "TypeError: HTTP metadata unknown for key `a/1`. Did you forget to add 'httpMetadata' to `include` when listing?",
    );
    const told = await LIST.list({ include: ["httpMetadata", "customMetadata"], prefix: "a/", startAfter: "a/1" });
    deepEqual(told.objects.map(({ key, customMetadata, httpMetadata }) => [key, customMetadata.key, httpMetadata.contentType]), [
      ["a/2", "a/2", "x/y"], ["a/b/1", "a/b/1", "x/y"], ["a/b/2", "a/b/2", "x/y"],
    ]);
    const top = await LIST.list({ delimiter: "/" });
    deepEqual([top.objects.map(({ key }) => key), top.delimitedPrefixes], [["b", "z"], ["a/", "c/"]]);
    const inner = await LIST.list({ delimiter: "/", prefix: "a/" });
    deepEqual([inner.objects.map(({ key }) => key), inner.delimitedPrefixes], [["a/1", "a/2"], ["a/b/"]]);
    for (const options of [{ limit: 2 }, { limit: 1, delimiter: "/" }, { limit: 3, delimiter: "/", prefix: "a" }]) {
      const whole = await LIST.list({ ...options, limit: undefined });
      const seen = [];
      let cursor;
      do {
        const page = await LIST.list({ ...options, cursor });
        seen.push(...page.objects.map(({ key }) => key), ...page.delimitedPrefixes);
        equal(page.objects.length + page.delimitedPrefixes.length <= options.limit, true);
        cursor = page.truncated ? page.cursor : undefined;
      } while (cursor !== undefined);
      deepEqual(seen.toSorted(), [...whole.objects.map(({ key }) => key), ...whole.delimitedPrefixes].toSorted());
    }
    equal(await failure(() => LIST.list({ limit: 1001 })), "Error: list: MaxKeys params must be positive integer <= 1000. (10022)");
    equal(await failure(() => LIST.list({ include: ["etag"] })), "RangeError: Unsupported include value etag");
    await LIST.delete(["a/1", "none", "z"]);
    deepEqual((await LIST.list()).objects.map(({ key }) => key), ["a/2", "a/b/1", "a/b/2", "b", "c/1"]);
  },
  async "files are uploaded in parts"({ R2 }) {
    const upload = await R2.createMultipartUpload("parts", { customMetadata: { in: "parts" } });
    equal(upload.key, "parts");
    const second = await upload.uploadPart(2, "end");
    const first = await R2.resumeMultipartUpload("parts", upload.uploadId).uploadPart(1, fixed(5 * MIB));
    deepEqual([second.partNumber, first.partNumber], [2, 1]);
    equal(await R2.head("parts"), null);
    equal(
      await failure(() => upload.complete([first, { ...second, etag: "other" }])),
      "Error: completeMultipartUpload: One or more of the specified parts could not be found. (10025)",
    );
    const made = await upload.complete([first, second]);
    deepEqual([made.size, made.customMetadata, made.etag.endsWith("-2")], [5 * MIB + 3, { in: "parts" }, true]);
    equal(await (await R2.get("parts", { range: { offset: 5 * MIB - 2 } })).text(), "aaend");
    const gone = "The specified multipart upload does not exist. (10024)";
    equal(await failure(() => upload.complete([first])), `Error: completeMultipartUpload: ${gone}`);
    equal(await failure(() => upload.uploadPart(3, "x")), `Error: uploadPart: ${gone}`);
    equal(await upload.abort(), undefined);
    const small = await R2.createMultipartUpload("small");
    const parts = [await small.uploadPart(1, "a"), await small.uploadPart(2, "b")];
    equal(
      await failure(() => small.complete(parts)),
      "Error: completeMultipartUpload: Your proposed upload is smaller than the minimum allowed object size. (10011)",
    );
    await small.abort();
    equal(await failure(() => small.uploadPart(1, "x")), `Error: uploadPart: ${gone}`);
    equal(
      await failure(() => small.uploadPart(0, "x")),
      "TypeError: Part number must be between 1 and 10000 (inclusive). Actual value was: 0",
    );
  },
  async "what cannot be is refused"({ R2 }) {
    equal(await failure(() => R2.put("k".repeat(1025), "")), "Error: put: The specified object name is not valid. (10020)");
    equal(
      await failure(() => R2.put("k", "", { customMetadata: { a: "x".repeat(8192) } })),
      "Error: put: Your metadata headers exceed the maximum allowed metadata size. (10012)",
    );
    equal(
      await failure(() => R2.get("k", { ssecKey: "0".repeat(64) })),
      "Error: get: SSE-C (`ssecKey`) is not supported: Atoll keeps objects as they are.",
    );
    equal(
      await failure(() => R2.delete(Array.from({ length: 1001 }, () => "k"))),
      "Error: delete: At most 1000 keys can be deleted at a time.",
    );
  },
  async "a bucket can be passed on"({ R2, LOADER }) {
    await R2.put("lent", "out");
    const worker = LOADER.load({
      compatibilityDate: "2026-06-11",
      mainModule: "main.js",
      modules: { "main.js": `export default { fetch: async (_, env) => new Response((await env.B.get("lent")).body) }` },
      env: { B: R2 },
    });
    equal(await (await worker.getEntrypoint().fetch("http://x/")).text(), "out");
  },
};

export default {
  async test(_, env, ctx) {
    for (const [name, run] of Object.entries(cases)) {
      try {
        await run(env, ctx);
      } catch (error) {
        throw new Error(`${name}: ${error.stack ?? error}`);
      }
    }
  },
};
