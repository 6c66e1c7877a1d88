// Files of the host, as one object uses them.
//
// The object writes down what it is about to have made, and what it does not need any more; that is deleted once nothing
// that is stored refers to it, by the next instance if this one ends before.

const URL = "http://blobs/";

export class Blobs {
  #store;
  #space;
  #sql;
  #ctx;

  constructor(ctx, env) {
    this.#ctx = ctx;
    this.#store = env.BLOBS;
    this.#space = ctx.id.toString();
    this.#sql = ctx.storage.sql;
    this.#sql.exec("CREATE TABLE IF NOT EXISTS waste (blob TEXT PRIMARY KEY) WITHOUT ROWID");
    const left = this.#sql.exec("SELECT blob FROM waste").toArray();
    if (left.length > 0) ctx.waitUntil(this.#remove(left.map(({ blob }) => blob)));
  }

  #headers(id, more) {
    return { ...more, "atoll-blob": `${this.#space}/${id}` };
  }

  #begin() {
    const id = crypto.randomUUID();
    this.#sql.exec("INSERT INTO waste VALUES (?)", id);
    return id;
  }

  /**
   * Stores the body of a request. It goes again unless `claim` is called with its id, in the turn that refers to it.
   * @param {Request} request
   * @param {{ limit: number, digests?: string }} options
   * @returns {Promise<{ id: string, size: number } | { tooLong: number }>} and the digests by their names
   */
  async write(request, { limit, digests = "" }) {
    const id = this.#begin();
    const headers = this.#headers(id, { "atoll-limit": String(limit), "atoll-digests": digests });
    try {
      const response = await this.#store.fetch(new Request(request, { method: "PUT", headers }));
      if (response.status === 413) {
        this.discard(id);
        return { tooLong: Number(await response.text()) };
      }
      return { ...(await this.#told(response)), id };
    } catch (error) {
      this.discard(id);
      throw error;
    }
  }

  /** Puts one together from others. */
  async join(parts) {
    const id = this.#begin();
    try {
      const init = { method: "POST", headers: this.#headers(id), body: JSON.stringify(parts) };
      return { ...(await this.#told(await this.#store.fetch(URL, init))), id };
    } catch (error) {
      this.discard(id);
      throw error;
    }
  }

  async #told(response) {
    if (!response.ok) throw new Error(`A value cannot be stored: ${await response.text()}`);
    return response.json();
  }

  /**
   * A response with the bytes of one, to be passed on as it is; undefined when it is gone.
   * @param {string} meta what its header `atoll-meta` is to say
   * @param {{ offset: number, length: number }} [range]
   */
  async read(id, meta, range) {
    const headers = this.#headers(id, { "atoll-meta": meta });
    if (range !== undefined) headers["atoll-range"] = `${range.offset} ${range.length}`;
    const response = await this.#store.fetch(URL, { headers });
    if (response.status === 404) return undefined;
    if (!response.ok) throw new Error(`A value cannot be read: ${await response.text()}`);
    return response;
  }

  /** Something that is stored refers to it from now on. */
  claim(id) {
    this.#sql.exec("DELETE FROM waste WHERE blob = ?", id);
  }

  /** Nothing that is stored refers to it any more. */
  discard(id) {
    this.#sql.exec("INSERT OR IGNORE INTO waste VALUES (?)", id);
    this.#ctx.waitUntil(this.#remove([id]));
  }

  /** What was written before this is on the disk before the host hears of it. */
  async #remove(ids) {
    for (const id of ids) {
      const response = await this.#store.fetch(URL, { method: "DELETE", headers: this.#headers(id) });
      if (response.ok) this.claim(id);
    }
  }
}
