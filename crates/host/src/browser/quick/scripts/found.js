// Whether an element that is waited for is there.
function ({ selector, visible, hidden }) {
  let element;
  try {
    element = document.querySelector(selector);
  } catch {
    throw new Error(`waitForSelector: ${JSON.stringify(selector)} is no selector`);
  }
  const isShown = () => element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length > 0;
  if (hidden) return element === null || !isShown();
  return element !== null && (!visible || isShown());
}
