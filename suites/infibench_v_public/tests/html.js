// Stands before an answer in HTML: the answer becomes a text, which the test asks for its elements.
const assert = require("assert");
function attributes(text) {
  const found = {};
  for (const [, name, , a, b, c] of text.matchAll(/([\w:-]+)(\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g))
    found[name.toLowerCase()] = a ?? b ?? c ?? "";
  return found;
}
// Elements in order: name, attributes, text up to their end tag (tags removed), markup inside.
function elements(name, html = ANSWER) {
  const found = [];
  for (const open of html.matchAll(new RegExp(`<${name}\\b([^>]*?)/?>`, "gi"))) {
    const rest = html.slice(open.index + open[0].length);
    const end = rest.search(new RegExp(`</${name}\\s*>`, "i"));
    const inner = end < 0 ? "" : rest.slice(0, end);
    found.push({ ...attributes(open[1]), tag: name, inner, text: inner.replace(/<[^>]*>/g, " ").replace(/\s+/g, " ").trim() });
  }
  return found;
}
// The first table as rows of texts, every cell repeated where it spans.
function grid() {
  const rows = [];
  for (const [y, tr] of elements("tr").entries()) {
    rows[y] ??= [];
    let x = 0;
    for (const cell of tr.inner.matchAll(/<(td|th)\b([^>]*)>([^]*?)<\/\1\s*>/gi)) {
      const own = attributes(cell[2]);
      const text = cell[3].replace(/<[^>]*>/g, " ").replace(/\s+/g, " ").trim();
      while (rows[y][x] !== undefined) x++;
      for (let j = 0; j < +(own.rowspan || 1); j++)
        for (let i = 0; i < +(own.colspan || 1); i++) (rows[y + j] ??= [])[x + i] = text;
    }
  }
  return rows;
}
const ANSWER = String.raw`
