// Stands before an answer with PHP's $routes: the test asks for a pattern, in the words of JavaScript.
const assert = require("assert");
function route(name) {
  const line = new RegExp("['\"]" + name + "['\"]\\s*=>\\s*(['\"])([#~/@])(.*)\\2([a-z]*)\\1");
  const [, , , pattern, flags] = ANSWER.match(line);
  return new RegExp(pattern.replace(/\(\?P</g, "(?<"), flags.replace(/[^imsu]/g, ""));
}
const ANSWER = String.raw`
