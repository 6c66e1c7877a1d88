// One bucket of files (https://developers.cloudflare.com/r2/).

import { DurableObject } from "cloudflare:workers";
import { afterPrefix, answer, fromCursor, readFew, Refusal, toCursor } from "./answers.js";
import { Blobs } from "./blobs.js";
import { holds, rangeOf } from "./bucket_conditions.js";
import { checkKey, toMetadata } from "./bucket_metadata.js";
import { SCHEMA as UPLOADS, Uploads } from "./bucket_uploads.js";

const MAX_LISTED = 1000;
const MAX_DELETED = 1000;
/** 5 GiB without 5 MiB. */
const MAX_VALUE_BYTES = 5_363_466_240;
const MAX_LIST_BYTES = 4 * 1024 * 1024;
/** Larger values are files. */
const MAX_INLINE_BYTES = 64 * 1024;
/** How often one looks again for a value that was replaced just now. */
const LOOKS = 5;
/** Rows that are read at a time to find names before a delimiter. */
const STEP = 100;

const SCHEMA = `CREATE TABLE IF NOT EXISTS objects (
  key TEXT NOT NULL UNIQUE,
  value BLOB, -- NULL when it is a file
  blob TEXT,
  version TEXT NOT NULL,
  size INTEGER NOT NULL,
  etag TEXT NOT NULL,
  uploaded INTEGER NOT NULL, -- milliseconds since 1970
  checksums TEXT NOT NULL, -- JSON, in hexadecimal
  http TEXT NOT NULL, -- JSON
  custom TEXT NOT NULL, -- JSON
  class TEXT NOT NULL
)`;

const ALGORITHMS = { md5: "MD5", sha1: "SHA-1", sha256: "SHA-256", sha384: "SHA-384", sha512: "SHA-512" };

const hex = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** What a header says that has an object in it. */
const unpack = (text) => (text === null ? {} : JSON.parse(decodeURIComponent(text)));
const pack = (value) => encodeURIComponent(JSON.stringify(value));

/** What a row says of its object. */
function described(row, range) {
  const { key, version, size, etag, uploaded, checksums, http, custom, class: storageClass } = row;
  return {
    key, version, size, etag, uploaded, storageClass, range,
    checksums: JSON.parse(checksums),
    http: http === undefined ? undefined : JSON.parse(http),
    custom: custom === undefined ? undefined : JSON.parse(custom),
  };
}

export class Bucket extends DurableObject {
  #sql;
  #blobs;
  #uploads;

  constructor(ctx, env) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    this.#sql.exec(SCHEMA);
    this.#sql.exec(UPLOADS);
    this.#blobs = new Blobs(ctx, env);
    this.#uploads = new Uploads(this.#sql, this.#blobs, (row) => this.#store(row));
  }

  fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    const key = () => checkKey(searchParams.get("key"));
    const options = () => unpack(request.headers.get("atoll-options"));
    const given = async () => JSON.parse(new TextDecoder().decode(await readFew(request.body, MAX_LIST_BYTES)));
    const uploads = this.#uploads;
    return answer(async () => {
      switch (`${request.method} ${pathname}`) {
        case "GET /head":
          return this.#head(key());
        case "GET /object":
          return this.#get(key(), options());
        case "PUT /object":
          return this.#put(key(), options(), request);
        case "POST /delete":
          return this.#delete(await given());
        case "POST /list":
          return this.#list(await given());
        case "POST /uploads":
          return uploads.create(key(), await given());
        case "PUT /part":
          return uploads.put(key(), searchParams, request);
        case "POST /complete":
          return uploads.complete(key(), searchParams.get("upload"), await given(), described);
        case "POST /abort":
          return uploads.abort(key(), searchParams.get("upload"));
        default:
          throw new Refusal(405, "Method Not Allowed", 10001);
      }
    });
  }

  #find(key) {
    return this.#sql.exec("SELECT * FROM objects WHERE key = ?", key).next().value;
  }

  #head(key) {
    const row = this.#find(key);
    if (row === undefined) return new Response(null, { status: 404 });
    return Response.json(described(row, { offset: 0, length: row.size }));
  }

  async #get(key, { condition, range: wanted }) {
    for (let look = 0; look < LOOKS; look += 1) {
      const row = this.#find(key);
      if (row === undefined) break;
      if (!holds(condition, row)) {
        return new Response(null, { status: 412, headers: { "atoll-meta": pack(described(row)) } });
      }
      const range = rangeOf(wanted, row.size);
      const meta = pack(described(row, range));
      if (row.blob === null) {
        const bytes = row.value.slice(range.offset, range.offset + range.length);
        return new Response(bytes, { headers: { "atoll-meta": meta } });
      }
      const response = await this.#blobs.read(row.blob, meta, range);
      if (response !== undefined) return response;
    }
    return new Response(null, { status: 404 });
  }

  /** Takes the value of a request. Gives what a row says of it. */
  async #take(request, wanted) {
    const size = Number(request.headers.get("atoll-size") ?? Number.NaN);
    if (size > MAX_VALUE_BYTES) throw tooLarge();
    const names = [...new Set(["md5", ...Object.keys(wanted)])];
    if (size <= MAX_INLINE_BYTES) {
      const value = await readFew(request.body, MAX_INLINE_BYTES);
      const taken = { value, id: null, size: value.byteLength };
      for (const name of names) taken[name] = hex(await crypto.subtle.digest(ALGORITHMS[name], value));
      return taken;
    }
    const taken = await this.#blobs.write(request, { limit: MAX_VALUE_BYTES, digests: names.join(",") });
    if (taken.tooLong !== undefined) throw tooLarge();
    return { ...taken, value: null };
  }

  async #put(key, { condition, checksums: wanted = {}, storageClass = "Standard", ...metadata }, request) {
    const [http, custom] = toMetadata(metadata);
    if (!holds(condition, this.#find(key))) return new Response(null, { status: 412 });
    const taken = await this.#take(request, wanted);
    const checksums = { md5: taken.md5 };
    try {
      for (const [name, value] of Object.entries(wanted)) {
        if (taken[name] !== value) throw wrongDigest(ALGORITHMS[name], value, taken[name]);
        checksums[name] = value;
      }
      // Another may have been faster.
      if (!holds(condition, this.#find(key))) throw new Refusal(412, "", 10031);
    } catch (error) {
      if (taken.id !== null) this.#blobs.discard(taken.id);
      throw error;
    }
    const { value, id: blob, size, md5: etag } = taken;
    const row = this.#store({
      key, value, blob, size, etag, http, custom, class: storageClass, checksums: JSON.stringify(checksums),
    });
    return Response.json(described(row));
  }

  /** Puts an object in the place of the one that had its key. */
  #store({ key, value, blob, size, etag, checksums, http, custom, class: storageClass }) {
    const version = crypto.randomUUID().replaceAll("-", "");
    const uploaded = Date.now();
    this.#forget(key);
    if (blob !== null) this.#blobs.claim(blob);
    this.#sql.exec(
      "INSERT INTO objects (key, value, blob, version, size, etag, uploaded, checksums, http, custom, class) " +
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      key, value, blob, version, size, etag, uploaded, checksums, http, custom, storageClass,
    );
    return { key, version, size, etag, uploaded, checksums, http, custom, class: storageClass };
  }

  #forget(key) {
    for (const { blob } of this.#sql.exec("DELETE FROM objects WHERE key = ? RETURNING blob", key).toArray()) {
      if (blob !== null) this.#blobs.discard(blob);
    }
  }

  #delete(keys) {
    if (!Array.isArray(keys) || keys.length > MAX_DELETED) {
      throw new Refusal(400, `At most ${MAX_DELETED} keys can be deleted at a time.`, 10029);
    }
    for (const key of keys.map((key) => checkKey(String(key)))) this.#forget(key);
    return new Response();
  }

  #list({ limit = MAX_LISTED, prefix = "", cursor, delimiter = "", startAfter, http = false, custom = false }) {
    if (!(limit >= 1 && limit <= MAX_LISTED)) {
      throw new Refusal(400, "MaxKeys params must be positive integer <= 1000.", 10022);
    }
    const columns = `key, version, size, etag, uploaded, checksums, class${http ? ", http" : ""}${custom ? ", custom" : ""}`;
    const read = (after, most) =>
      this.#sql
        .exec(
          `SELECT ${columns} FROM objects WHERE key >= ? AND key > ? AND key < ? ORDER BY key LIMIT ?`,
          prefix, after, afterPrefix(prefix), most,
        )
        .toArray();
    const objects = [];
    const prefixes = [];
    let after = cursor === undefined ? (startAfter ?? "") : fromCursor(cursor);
    let last;
    for (;;) {
      const rows = read(after, delimiter === "" ? limit + 1 : STEP);
      if (rows.length === 0) return Response.json({ objects, truncated: false, delimitedPrefixes: prefixes });
      for (const row of rows) {
        const at = delimiter === "" ? -1 : row.key.indexOf(delimiter, prefix.length);
        const group = at < 0 ? undefined : row.key.slice(0, at + delimiter.length);
        if (objects.length + prefixes.length === limit) {
          return Response.json({ objects, truncated: true, cursor: toCursor(last), delimitedPrefixes: prefixes });
        }
        last = after = row.key;
        if (group === undefined) {
          objects.push(described(row));
          continue;
        }
        prefixes.push(group);
        // The rest of the group need not be looked at.
        last = after = afterPrefix(group);
        break;
      }
    }
  }
}

const tooLarge = () => new Refusal(400, "Your proposed upload exceeds the maximum allowed object size.", 100100);

const wrongDigest = (name, given, made) =>
  new Refusal(
    400,
    `The ${name} checksum you specified did not match what we received.\n` +
      `You provided a ${name} checksum with value: ${given}\nActual ${name} was: ${made}`,
    10037,
  );
