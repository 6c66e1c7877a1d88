/** Who sits around a fire, as everybody sees it. */
export type Fire = { people: Person[] };

export type Person = { id: string; name: string };
