// Where the page's links lead, each once, in their order.
function ({ visibleLinksOnly, excludeExternalLinks, limit }) {
  const found = new Set();
  let length = 0;
  for (const link of document.querySelectorAll("a[href], area[href]")) {
    const { href } = link;
    if (typeof href !== "string" || href === "" || link.protocol === "javascript:" || found.has(href)) continue;
    if (excludeExternalLinks && link.hostname !== location.hostname) continue;
    if (visibleLinksOnly) {
      const isShown = link.checkVisibility({ opacityProperty: true, visibilityProperty: true });
      if (!isShown || link.getClientRects().length === 0) continue;
    }
    length += href.length;
    if (length > limit) throw new Error(`the page's links have more than ${limit} characters`);
    found.add(href);
  }
  return [...found];
}
