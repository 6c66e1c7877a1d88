// The elements that selectors find.
function ({ selectors, limit }) {
  let length = 0;
  const describe = (element) => {
    const { width, height, top, left } = element.getBoundingClientRect();
    const attributes = Array.from(element.attributes, ({ name, value }) => ({ name, value }));
    const html = element.outerHTML;
    const text = (element.innerText ?? element.textContent).trim();
    length += html.length + text.length;
    if (length > limit) throw new Error(`the elements have more than ${limit} characters`);
    return { html, text, width, height, top, left, attributes };
  };
  return selectors.map((selector) => {
    let elements;
    try {
      elements = document.querySelectorAll(selector);
    } catch {
      throw new Error(`elements: ${JSON.stringify(selector)} is no selector`);
    }
    return { selector, results: Array.from(elements, describe) };
  });
}
