// One key-value namespace (https://developers.cloudflare.com/kv/).

import { DurableObject } from "cloudflare:workers";
import { afterPrefix, answer, fromCursor, readFew, Refusal, toCursor } from "./answers.js";
import { Blobs } from "./blobs.js";

const MAX_KEY_BYTES = 512;
const MAX_VALUE_BYTES = 25 * 1024 * 1024;
const MAX_METADATA_BYTES = 1024;
const MAX_LISTED = 1000;
const MAX_KEYS = 100;
const MIN_TTL_SECONDS = 60;
/** Larger values are files. */
const MAX_INLINE_BYTES = 64 * 1024;
/** How often one looks again for a value that was replaced just now. */
const LOOKS = 5;

const SCHEMA = `CREATE TABLE IF NOT EXISTS entries (
  key TEXT NOT NULL UNIQUE,
  value BLOB, -- NULL when it is a file
  blob TEXT,
  size INTEGER NOT NULL,
  metadata TEXT, -- JSON
  expires INTEGER -- seconds since 1970
);
CREATE INDEX IF NOT EXISTS expiring ON entries (expires) WHERE expires IS NOT NULL`;

const LIVE = "(expires IS NULL OR expires > ?)";
const encoder = new TextEncoder();
const seconds = () => Math.floor(Date.now() / 1000);

function checkLength(key) {
  const { length } = encoder.encode(key);
  if (length > MAX_KEY_BYTES) {
    throw new Refusal(414, `UTF-8 encoded length of ${length} exceeds key length limit of ${MAX_KEY_BYTES}.`);
  }
  return key;
}

/** When an entry goes, in seconds since 1970. */
function expiry(ttl, expiration) {
  const now = seconds();
  if (ttl !== null) {
    const after = Number.parseInt(ttl, 10);
    if (!(after > 0)) {
      throw new Refusal(400, `Invalid expiration_ttl of ${ttl}. Please specify integer greater than 0.`);
    }
    if (after < MIN_TTL_SECONDS) {
      throw new Refusal(400, `Invalid expiration_ttl of ${ttl}. Expiration TTL must be at least ${MIN_TTL_SECONDS}.`);
    }
    return now + after;
  }
  if (expiration === null) return null;
  const at = Number.parseInt(expiration, 10);
  if (!(at > now)) {
    throw new Refusal(
      400,
      `Invalid expiration of ${expiration}. Please specify integer greater than the current number of seconds since the UNIX epoch.`,
    );
  }
  if (at < now + MIN_TTL_SECONDS) {
    throw new Refusal(
      400,
      `Invalid expiration of ${expiration}. Expiration times must be at least ${MIN_TTL_SECONDS} seconds in the future.`,
    );
  }
  return at;
}

const tooLong = (size) => new Refusal(413, `Value length of ${size} exceeds limit of ${MAX_VALUE_BYTES}.`);

export class KeyValues extends DurableObject {
  #sql;
  #blobs;

  constructor(ctx, env) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    this.#sql.exec(SCHEMA);
    this.#blobs = new Blobs(ctx, env);
  }

  fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    const key = () => checkLength(searchParams.get("key") ?? "");
    return answer(() => {
      switch (`${request.method} ${pathname}`) {
        case "GET /value":
          return this.#get(key());
        case "PUT /value":
          return this.#put(key(), searchParams, request);
        case "DELETE /value":
          this.#delete(key());
          return new Response();
        case "POST /values":
          return this.#getMany(request);
        case "GET /list":
          return this.#list(searchParams);
        default:
          throw new Refusal(405, "Method Not Allowed");
      }
    });
  }

  #find(key) {
    const rows = this.#sql.exec(`SELECT value, blob, metadata FROM entries WHERE key = ? AND ${LIVE}`, key, seconds());
    return rows.next().value;
  }

  async #get(key) {
    for (let look = 0; look < LOOKS; look += 1) {
      const found = this.#find(key);
      if (found === undefined) break;
      const meta = found.metadata === null ? "" : encodeURIComponent(found.metadata);
      if (found.blob === null) return new Response(found.value, { headers: { "atoll-meta": meta } });
      const response = await this.#blobs.read(found.blob, meta);
      if (response !== undefined) return response;
    }
    throw new Refusal(404, "Not Found");
  }

  async #getMany(request) {
    const { keys, withMetadata } = JSON.parse(new TextDecoder().decode(await readFew(request.body, 1024 * 1024)));
    if (!Array.isArray(keys) || keys.length > MAX_KEYS) {
      throw new Refusal(400, `You can request a maximum of ${MAX_KEYS} keys`);
    }
    if (keys.length === 0) throw new Refusal(400, "You must request a minimum of 1 key");
    const found = {};
    let size = 0;
    for (const key of keys) {
      const response = await this.#get(checkLength(String(key))).catch((error) => {
        if (error.status === 404) return undefined;
        throw error;
      });
      if (response === undefined) {
        found[key] = null;
        continue;
      }
      const meta = response.headers.get("atoll-meta");
      const value = await response.text();
      size += value.length;
      if (size > MAX_VALUE_BYTES) {
        throw new Refusal(413, `Total size of request exceeds the limit of ${MAX_VALUE_BYTES / 1024 / 1024}MB`);
      }
      found[key] = withMetadata ? { value, metadata: meta ? JSON.parse(decodeURIComponent(meta)) : null } : value;
    }
    return Response.json(found);
  }

  async #put(key, params, request) {
    if (key === "") throw new Refusal(400, "Key names must not be empty");
    const expires = expiry(params.get("expiration_ttl"), params.get("expiration"));
    const meta = request.headers.get("atoll-meta");
    const metadata = meta === null ? null : decodeURIComponent(meta);
    if (metadata !== null) {
      const { length } = encoder.encode(metadata);
      if (length > MAX_METADATA_BYTES) {
        throw new Refusal(413, `Metadata length of ${length} exceeds limit of ${MAX_METADATA_BYTES}.`);
      }
    }
    const known = request.headers.get("atoll-size");
    if (known !== null && Number(known) > MAX_VALUE_BYTES) throw tooLong(Number(known));
    let value = null;
    let file = { id: null };
    if (known !== null && Number(known) <= MAX_INLINE_BYTES) {
      value = await readFew(request.body, MAX_INLINE_BYTES);
      file.size = value.byteLength;
    } else {
      file = await this.#blobs.write(request, { limit: MAX_VALUE_BYTES });
      if (file.tooLong !== undefined) throw tooLong(file.tooLong);
    }
    this.#forget(key);
    if (file.id !== null) this.#blobs.claim(file.id);
    this.#sql.exec(
      "INSERT INTO entries (key, value, blob, size, metadata, expires) VALUES (?, ?, ?, ?, ?, ?)",
      key, value, file.id, file.size, metadata, expires,
    );
    if (expires !== null) await this.#ringAt(expires);
    return new Response();
  }

  /** Removes an entry, with the file that it may have. */
  #forget(key) {
    const old = this.#sql.exec("DELETE FROM entries WHERE key = ? RETURNING blob", key).toArray();
    if (old.length > 0 && old[0].blob !== null) this.#blobs.discard(old[0].blob);
  }

  #delete(key) {
    this.#forget(key);
  }

  #list(params) {
    const given = params.get("limit");
    const limit = given === null ? MAX_LISTED : Number.parseInt(given, 10);
    if (!(limit >= 1)) {
      throw new Refusal(400, `Invalid key_count_limit of ${given}. Please specify an integer greater than 0.`);
    }
    if (limit > MAX_LISTED) {
      throw new Refusal(400, `Invalid key_count_limit of ${given}. Please specify an integer less than ${MAX_LISTED}.`);
    }
    const prefix = checkLength(params.get("prefix") ?? "");
    const cursor = params.get("cursor");
    const after = cursor === null || cursor === "" ? "" : fromCursor(cursor);
    const rows = this.#sql
      .exec(
        `SELECT key, metadata, expires FROM entries WHERE key >= ? AND key > ? AND key < ? AND ${LIVE} ORDER BY key LIMIT ?`,
        prefix, after, afterPrefix(prefix), seconds(), limit + 1,
      )
      .toArray();
    const keys = rows.slice(0, limit).map(({ key, metadata, expires }) => ({
      name: key,
      ...(expires === null ? undefined : { expiration: expires }),
      ...(metadata === null ? undefined : { metadata: JSON.parse(metadata) }),
    }));
    if (rows.length <= limit) return Response.json({ keys, list_complete: true, cacheStatus: null });
    return Response.json({ keys, list_complete: false, cursor: toCursor(keys.at(-1).name), cacheStatus: null });
  }

  async #ringAt(expires) {
    const at = await this.ctx.storage.getAlarm();
    if (at === null || at > expires * 1000) await this.ctx.storage.setAlarm(expires * 1000);
  }

  /** What has expired goes. */
  async alarm() {
    const gone = this.#sql.exec("SELECT key FROM entries WHERE expires <= ? LIMIT 1000", seconds()).toArray();
    for (const { key } of gone) this.#forget(key);
    const { next } = this.#sql.exec("SELECT min(expires) AS next FROM entries WHERE expires IS NOT NULL").one();
    if (next !== null) await this.#ringAt(next);
  }
}
