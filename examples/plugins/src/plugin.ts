/** What a plugin says of itself: the comment at the top of its source. */
export interface Manifest {
  name: string;
  powers: Power[];
}

/** All that a plugin can ask for, and what whoever installs it is told. */
export const POWERS = {
  posts: "read the titles of all posts",
  notes: "keep notes of its own",
  quotes: "fetch from https://dummyjson.com/quotes/",
} as const;

export type Power = keyof typeof POWERS;

export interface Post {
  id: number;
  title: string;
  text: string;
}

/**
 * The manifest in a plugin's source: `/* { "name": "shout", "powers": ["posts"] } *\/`.
 * The code is not run for that: whoever installs it decides first.
 */
export function readManifest(source: string): Manifest {
  const comment = /^\s*\/\*([\s\S]*?)\*\//.exec(source);
  if (comment === null) throw new Error("A plugin begins with a comment that holds its manifest.");
  let manifest: Partial<Manifest>;
  try {
    manifest = JSON.parse(comment[1] ?? "") as Partial<Manifest>;
  } catch (error) {
    throw new Error(`The manifest is not JSON: ${error instanceof Error ? error.message : error}`);
  }
  const { name, powers = [] } = manifest;
  if (typeof name !== "string" || !/^[a-z][a-z0-9-]{0,30}$/.test(name)) {
    throw new Error("The manifest needs a `name` of small letters, digits and dashes.");
  }
  const unknown = powers.find((power) => !(power in POWERS));
  if (unknown !== undefined) throw new Error(`There is no power \`${unknown}\`: it is one of ${Object.keys(POWERS).join(", ")}.`);
  return { name, powers };
}
