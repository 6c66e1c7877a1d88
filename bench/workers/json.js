export default {
  async fetch(request) {
    const url = new URL(request.url);
    if (request.method === "POST") {
      const body = await request.json();
      return Response.json({ sum: body.numbers.reduce((sum, number) => sum + number, 0), name: body.name });
    }
    const items = Array.from({ length: 20 }, (_, id) => ({ id, name: `item ${id}`, tags: ["a", "b"], price: id * 1.5 }));
    return Response.json({ path: url.pathname, query: url.searchParams.get("q"), items });
  },
};
