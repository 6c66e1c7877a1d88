// Adds a script or a style sheet, and waits for one that has to be fetched.
function ({ tag, url, content, type, id }) {
  const isLink = tag === "style" && url !== undefined;
  const element = document.createElement(isLink ? "link" : tag);
  if (id !== undefined) element.id = id;
  if (type !== undefined) element.type = type;
  if (isLink) element.rel = "stylesheet";
  const parent = document.head ?? document.documentElement;
  if (url === undefined) {
    element.textContent = content;
    parent.append(element);
    return undefined;
  }
  return new Promise((resolve, reject) => {
    element.addEventListener("load", () => resolve());
    element.addEventListener("error", () => reject(new Error(`${url} cannot be loaded`)));
    element[isLink ? "href" : "src"] = url;
    parent.append(element);
  });
}
