// What the workers of these tests share.
import assert from "node:assert";

export { assert };

/** The text of what `work` fails with. */
export const failure = (work) => Promise.try(work).then(() => "nothing was thrown", (error) => `${error.name}: ${error.message}`);

export const collect = async (stream) => new Response(stream).text();

/** A stream of this many bytes whose length nobody is told. */
export function streamOf(size, byte = 97) {
  let left = size;
  return new ReadableStream({
    pull(controller) {
      const piece = Math.min(left, 65536);
      if (piece > 0) controller.enqueue(new Uint8Array(piece).fill(byte));
      left -= piece;
      if (left === 0) controller.close();
    },
  });
}
