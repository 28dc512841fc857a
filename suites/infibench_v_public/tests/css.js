// Stands before an answer in CSS: the answer becomes a text, which the test asks for its rules.
const assert = require("assert");
const tidy = text => text.trim().replace(/\s+/g, " ").replace(/\s*,\s*/g, ", ").replace(/['"]/g, '"');
function rules() {
  const css = ANSWER.replace(/\/\*[^]*?\*\//g, "").replace(/@[\w-]+[^{};]*\{/g, "").replace(/\r/g, "");
  return [...css.matchAll(/([^{}]+)\{([^{}]*)\}/g)].map(([, selectors, body]) => ({
    selectors: selectors.split(",").map(tidy),
    declarations: body.split(";").filter(line => line.includes(":")).map(line => {
      const at = line.indexOf(":");
      return [line.slice(0, at).trim().toLowerCase(), tidy(line.slice(at + 1)).toLowerCase()];
    }),
  }));
}
// All declarations of a selector, the later ones winning.
function rule(selector) {
  const own = rules().filter(one => one.selectors.includes(selector));
  return Object.fromEntries(own.flatMap(one => one.declarations));
}
const ANSWER = String.raw`
