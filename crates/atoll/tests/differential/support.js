/** What this gives or throws, as text. */
export async function outcome(work) {
  try {
    const value = await work();
    return typeof value === "object" || typeof value === "function" ? typeof value : String(value);
  } catch (error) {
    return `${error?.name}: ${error?.message}`;
  }
}

/** What these give, or the names and messages of what they throw. */
export async function outcomes(...works) {
  const list = [];
  for (const work of works) {
    try {
      list.push(await work());
    } catch (error) {
      list.push(`${error?.name}: ${error?.message}`);
    }
  }
  return list;
}

/** What kind of property this is. A method's `length` is left out: workerd has 0 everywhere, the standards do not. */
export function kindOf(descriptor) {
  const marks = [descriptor.enumerable && "enumerable", descriptor.writable === false && "fixed"].filter(Boolean);
  let kind = typeof descriptor.value;
  if (descriptor.get !== undefined) kind = descriptor.set === undefined ? "getter" : "accessor";
  return [kind, ...marks].join(" ");
}
