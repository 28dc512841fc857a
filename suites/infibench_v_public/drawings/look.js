// Line numbers and colours of pre.code (data-lang, data-start, data-hl="3,5"), shared by all drawings.
const WORDS = /\b(abstract|async|await|break|case|catch|class|const|continue|def|defer|do|elif|else|enum|except|export|extends|extern|final|finally|fn|for|foreach|from|func|fun|function|if|impl|implements|import|in|interface|internal|is|let|loop|match|mod|mut|namespace|new|None|nil|null|not|or|and|override|package|pass|private|protected|public|pub|raise|return|self|static|struct|super|switch|this|throw|trait|true|false|True|False|try|type|typedef|unsafe|use|using|val|var|virtual|void|where|when|while|with|yield|lambda|end|begin|require|SELECT|FROM|WHERE|JOIN|LEFT|ON|GROUP|BY|ORDER|AND|INSERT|INTO|VALUES|UPDATE|SET|CREATE|TABLE|HAVING|LIMIT|int|long|float|double|bool|char|string|String|size_t)\b/y;
const escape = text => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");
function paint(line, comment) {
  let out = "", at = 0;
  const rules = [
    [comment, "t-c"], [/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`/y, "t-s"],
    [/\b(?:0x[\da-f]+|\d[\d_]*(?:\.\d+)?(?:px|em|rem|%|vh|f|L|u8|ms|s)?)\b/yi, "t-n"], [WORDS, "t-k"],
    [/\b[A-Z]\w+\b/y, "t-t"], [/\b\w+(?=\()/y, "t-f"], [/\w+|\s+|[^\w\s]/y, ""],
  ];
  while (at < line.length) {
    for (const [rule, kind] of rules) {
      rule.lastIndex = at;
      const found = rule.exec(line);
      if (!found || !found[0]) continue;
      out += kind ? `<span class="${kind}">${escape(found[0])}</span>` : escape(found[0]);
      at += found[0].length;
      break;
    }
  }
  return out;
}
for (const pre of document.querySelectorAll("pre.code")) {
  const lang = pre.dataset.lang || "", start = +(pre.dataset.start || 1);
  const marked = new Set((pre.dataset.hl || "").split(",").filter(Boolean).map(Number));
  const comment = /^(py|rb|sh|yaml|r|docker)$/.test(lang) ? /#.*/y : lang === "sql" ? /--.*/y : lang === "css" ? /\/\*.*?\*\//y : lang === "html" ? /<!--.*?-->/y : /\/\/.*/y;
  const lines = pre.textContent.replace(/^\n|\s+$/g, "").split("\n");
  pre.innerHTML = lines.map((line, n) => {
    const body = `<span class="ln">${pre.dataset.plain === undefined ? n + start : ""}</span>${paint(line, comment)}`;
    return marked.has(n + start) ? `<span class="hl">${body}</span>` : body;
  }).join("\n");
}
