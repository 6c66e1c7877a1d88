// Goes one screen further, or back to the beginning. Tells whether there is more.
function (isBack) {
  if (isBack) {
    scrollTo({ top: 0, behavior: "instant" });
    return false;
  }
  scrollBy({ top: innerHeight, behavior: "instant" });
  return scrollY + innerHeight < document.documentElement.scrollHeight - 1;
}
