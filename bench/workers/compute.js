// JavaScript that computes, behind paths that each do one kind of it for a while.

/** Calls and small numbers. */
function calls() {
  const fibonacci = (n) => (n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2));
  return fibonacci(24);
}

/** Loops over typed arrays. */
function loops() {
  const composite = new Uint8Array(400_000);
  let primes = 0;
  for (let i = 2; i < composite.length; i += 1) {
    if (composite[i]) continue;
    primes += 1;
    for (let j = i * 2; j < composite.length; j += i) composite[j] = 1;
  }
  return primes;
}

/** Objects, maps and sorting. */
function objects() {
  const counts = new Map();
  for (let i = 0; i < 30_000; i += 1) {
    const key = `key ${(i * 7919) % 5003}`;
    counts.set(key, { key, count: (counts.get(key)?.count ?? 0) + 1 });
  }
  const sorted = [...counts.values()].sort((a, b) => b.count - a.count || a.key.localeCompare(b.key, "en"));
  return sorted[0].count;
}

/** Text: splitting, expressions, JSON. */
function text() {
  const line = "The quick brown fox jumps over the lazy dog, and 42 others. ";
  const words = line.repeat(300).split(/\W+/).map((word) => word.toLowerCase());
  const long = words.filter((word) => /^[a-z]{4,}$/.test(word));
  return JSON.parse(JSON.stringify(long.map((word, at) => ({ word, at })))).length;
}

const KINDS = { "/calls": calls, "/loops": loops, "/objects": objects, "/text": text };

export default {
  fetch(request) {
    const compute = KINDS[new URL(request.url).pathname];
    return compute === undefined ? new Response("Not found", { status: 404 }) : new Response(String(compute()));
  },
};
