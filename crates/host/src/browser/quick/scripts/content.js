// The page as HTML, and its title.
function (limit) {
  const { doctype, documentElement } = document;
  const html = (doctype === null ? "" : new XMLSerializer().serializeToString(doctype)) + (documentElement?.outerHTML ?? "");
  if (html.length > limit) throw new Error(`the page has more than ${limit} characters of HTML`);
  return { html, title: document.title };
}
