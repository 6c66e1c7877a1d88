// Uploads in parts: each part is a file until the upload is completed, which puts them together.

import { Refusal } from "./answers.js";
import { toMetadata } from "./bucket_metadata.js";

const MIN_PART_BYTES = 5 * 1024 * 1024;
const MAX_PART_BYTES = 5 * 1024 * 1024 * 1024;
const MAX_PARTS = 10_000;

const OPEN = 0;
const COMPLETED = 1;
const ABORTED = 2;

export const SCHEMA = `CREATE TABLE IF NOT EXISTS uploads (
  id TEXT PRIMARY KEY,
  key TEXT NOT NULL,
  http TEXT NOT NULL,
  custom TEXT NOT NULL,
  class TEXT NOT NULL,
  state INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS parts (
  upload TEXT NOT NULL,
  number INTEGER NOT NULL,
  blob TEXT NOT NULL,
  size INTEGER NOT NULL,
  etag TEXT NOT NULL, -- the MD5 checksum in hexadecimal
  PRIMARY KEY (upload, number)
) WITHOUT ROWID`;

const noSuchUpload = () => new Refusal(400, "The specified multipart upload does not exist.", 10024);
const badUpload = () => new Refusal(500, "There was a problem with the multipart upload.", 10048);
const internal = () => new Refusal(500, "We encountered an internal error. Please try again.", 10001);

export class Uploads {
  #sql;
  #blobs;
  #store;

  /** @param {(row: object) => object} store makes an object of it */
  constructor(sql, blobs, store) {
    this.#sql = sql;
    this.#blobs = blobs;
    this.#store = store;
  }

  create(key, { storageClass = "Standard", ...metadata }) {
    const [http, custom] = toMetadata(metadata);
    const id = `${crypto.randomUUID()}${crypto.randomUUID()}`.replaceAll("-", "");
    this.#sql.exec("INSERT INTO uploads VALUES (?, ?, ?, ?, ?, ?)", id, key, http, custom, storageClass, OPEN);
    return Response.json({ uploadId: id });
  }

  #find(key, id) {
    return this.#sql.exec("SELECT * FROM uploads WHERE id = ? AND key = ?", id, key).next().value;
  }

  #isOpen(key, id) {
    return this.#find(key, id)?.state === OPEN;
  }

  async put(key, params, request) {
    const [id, number] = [params.get("upload"), Number(params.get("number"))];
    if (!this.#isOpen(key, id)) throw noSuchUpload();
    const taken = await this.#blobs.write(request, { limit: MAX_PART_BYTES, digests: "md5" });
    if (taken.tooLong !== undefined) {
      throw new Refusal(400, "Your proposed upload exceeds the maximum allowed object size.", 100100);
    }
    // It may have ended meanwhile.
    if (!this.#isOpen(key, id)) {
      this.#blobs.discard(taken.id);
      throw noSuchUpload();
    }
    this.#drop("upload = ? AND number = ?", id, number);
    this.#blobs.claim(taken.id);
    this.#sql.exec("INSERT INTO parts VALUES (?, ?, ?, ?, ?)", id, number, taken.id, taken.size, taken.md5);
    return Response.json({ partNumber: number, etag: taken.md5 });
  }

  #drop(where, ...values) {
    for (const { blob } of this.#sql.exec(`DELETE FROM parts WHERE ${where} RETURNING blob`, ...values).toArray()) {
      this.#blobs.discard(blob);
    }
  }

  /** The parts that are chosen, in their order. */
  #chosen(id, wanted) {
    if (!Array.isArray(wanted) || wanted.length > MAX_PARTS) throw badUpload();
    const stored = new Map();
    for (const part of this.#sql.exec("SELECT * FROM parts WHERE upload = ?", id)) stored.set(part.number, part);
    if (new Set(wanted.map(({ partNumber }) => partNumber)).size < wanted.length) throw internal();
    const parts = wanted.map(({ partNumber, etag }) => {
      const part = stored.get(partNumber);
      if (part?.etag !== etag) {
        throw new Refusal(400, "One or more of the specified parts could not be found.", 10025);
      }
      return part;
    });
    if (parts.slice(0, -1).some(({ size }) => size < MIN_PART_BYTES)) {
      throw new Refusal(400, "Your proposed upload is smaller than the minimum allowed object size.", 10011);
    }
    parts.sort((one, other) => one.number - other.number);
    const [first] = parts;
    const isEven = parts.slice(0, -1).every(({ size }) => size >= MIN_PART_BYTES && size === first.size);
    if (!isEven || (parts.length > 1 && parts.at(-1).size > first.size)) throw badUpload();
    return parts;
  }

  async complete(key, id, wanted, described) {
    const upload = this.#find(key, id);
    if (upload === undefined) throw internal();
    if (upload.state !== OPEN) throw noSuchUpload();
    const parts = this.#chosen(id, wanted);
    const etag = `${await md5OfDigests(parts.map(({ etag }) => etag))}-${parts.length}`;
    const joined = await this.#blobs.join(parts.map(({ blob }) => blob));
    if (!this.#isOpen(key, id)) {
      this.#blobs.discard(joined.id);
      throw noSuchUpload();
    }
    const { http, custom } = upload;
    const row = this.#store({
      key, value: null, blob: joined.id, size: joined.size, etag, checksums: "{}", http, custom, class: upload.class,
    });
    this.#drop("upload = ?", id);
    this.#sql.exec("UPDATE uploads SET state = ? WHERE id = ?", COMPLETED, id);
    return Response.json(described(row));
  }

  abort(key, id) {
    const upload = this.#find(key, id);
    if (upload === undefined) throw internal();
    // What is over can be aborted again.
    if (upload.state === OPEN) {
      this.#drop("upload = ?", id);
      this.#sql.exec("UPDATE uploads SET state = ? WHERE id = ?", ABORTED, id);
    }
    return new Response();
  }
}

async function md5OfDigests(digests) {
  const bytes = Uint8Array.from(digests.join("").match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  const made = new Uint8Array(await crypto.subtle.digest("MD5", bytes));
  return Array.from(made, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
