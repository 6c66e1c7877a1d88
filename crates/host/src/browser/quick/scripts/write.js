// Makes this HTML the page.
function (html) {
  document.open();
  document.write(html);
  document.close();
}
