// How objects answer those who hold a binding.

/** Why a request is refused: a status, the text that the binding's user sees, and a number where there are such. */
export class Refusal extends Error {
  constructor(status, message, code = undefined) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Answers with what `work` gives, or says why not. */
export async function answer(work) {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { status, message, code } = error;
    return new Response(code === undefined ? message : JSON.stringify({ message, code }), { status });
  }
}

/** The bytes of a body that must not be more than that: who says that they are few need not tell the truth. */
export async function readFew(body, most) {
  const pieces = [];
  let size = 0;
  for await (const piece of body ?? []) {
    size += piece.byteLength;
    if (size > most) throw new Refusal(400, "The body is longer than its length.");
    pieces.push(piece);
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.byteLength;
  }
  return bytes;
}

/** Longer than every string that begins with `prefix` and is no key beyond the limits. */
export const afterPrefix = (prefix) => prefix + "\u{10ffff}".repeat(512);

/** A place in a list, as its user passes it back. */
export const toCursor = (name) => btoa(String.fromCharCode(...new TextEncoder().encode(name)));

export function fromCursor(cursor) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(atob(cursor), (each) => each.charCodeAt(0)));
  } catch {
    throw new Refusal(400, "Invalid cursor.");
  }
}
