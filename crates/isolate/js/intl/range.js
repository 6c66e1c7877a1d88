/** Two formatted numbers as one range. */

/** Parts that both ends share are written once. */
export function joinRange(start, end, settings) {
  const text = (parts) => parts.map(({ value }) => value).join("");
  if (text(start) === text(end)) {
    return [{ type: "approximatelySign", value: "~" }, ...start].map((part) => ({ ...part, source: "shared" }));
  }
  const isAffix = ({ type }) => type === "currency" || type === "unit" || type === "percentSign" || type === "compact" || type === "literal";
  const same = (one, two) => one !== undefined && two !== undefined && one.type === two.type && one.value === two.value;
  let head = 0;
  while (settings.style === "currency" && isAffix(start[head]) && same(start[head], end[head])) head++;
  let tail = 0;
  while (isAffix(start[start.length - 1 - tail] ?? {}) && same(start[start.length - 1 - tail], end[end.length - 1 - tail])) tail++;
  const mark = (parts, source) => parts.map((part) => ({ ...part, source }));
  const hasSign = [start[head], end[head]].some((part) => part?.type === "minusSign" || part?.type === "plusSign" || part?.type === "currency");
  const separator = settings.style === "currency" || hasSign || tail === 0 && settings.style === "unit" ? " – " : "–";
  return [
    ...mark(start.slice(0, head), "shared"),
    ...mark(start.slice(head, start.length - tail), "startRange"),
    { type: "literal", value: separator, source: "shared" },
    ...mark(end.slice(head, end.length - tail), "endRange"),
    ...mark(end.slice(end.length - tail), "shared"),
  ];
}
