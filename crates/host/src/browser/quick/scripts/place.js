// Where an element is on the page, and what of the page is seen.
function (selector) {
  let element;
  try {
    element = selector === null ? document.documentElement : document.querySelector(selector);
  } catch {
    throw new Error(`selector: ${JSON.stringify(selector)} is no selector`);
  }
  if (element === null) throw new Error(`selector: the page has no ${JSON.stringify(selector)}`);
  element.scrollIntoView({ behavior: "instant", block: "nearest", inline: "nearest" });
  const { left, top, width, height } = element.getBoundingClientRect();
  if (width === 0 || height === 0) throw new Error(`selector: ${JSON.stringify(selector)} has no size`);
  return { x: left + scrollX, y: top + scrollY, width, height };
}
