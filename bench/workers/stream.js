const CHUNK = new Uint8Array(16 * 1024).fill(97);

export default {
  fetch() {
    let left = 64;
    const stream = new ReadableStream({
      pull(controller) {
        controller.enqueue(CHUNK.slice());
        left -= 1;
        if (left === 0) controller.close();
      },
    });
    return new Response(stream, { headers: { "content-type": "application/octet-stream" } });
  },
};
