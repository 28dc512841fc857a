// Runs in an isolated world: the page's scripts share its document, but none of these objects.
(async function (most) {
  // A form's fields and a document's pictures hide properties of the same name: ask the prototypes.
  const getter = (kind, name) => {
    const { get } = Object.getOwnPropertyDescriptor(kind.prototype, name);
    return (object) => get.call(object);
  };
  const method = (kind, name) => (object, ...rest) => kind.prototype[name].call(object, ...rest);
  const nodeType = getter(Node, "nodeType"), data = getter(CharacterData, "data");
  const lastChild = getter(Node, "lastChild"), previousSibling = getter(Node, "previousSibling");
  const parentElement = getter(Node, "parentElement"), rootNode = method(Node, "getRootNode");
  const localName = getter(Element, "localName"), classList = getter(Element, "classList");
  const attribute = method(Element, "getAttribute"), shadowRoot = getter(Element, "shadowRoot");
  const boxOf = method(Element, "getBoundingClientRect"), isVisible = method(Element, "checkVisibility");
  const hostOf = (node) => { const top = rootNode(node); return top instanceof ShadowRoot ? top.host : null; };
  const above = (node) => parentElement(node) || hostOf(node);

  const root = getter(Document, "documentElement")(document), body = getter(Document, "body")(document);
  const fonts = getter(Document, "fonts")(document);
  if (fonts) await fonts.ready;

  // what moves is shown at its end; what moves for ever, unmoved
  for (const animation of method(Document, "getAnimations")(document)) {
    try {
      const timing = animation.effect && animation.effect.getComputedTiming();
      if (!timing || timing.endTime === Infinity) animation.cancel();
      else animation.finish();
    } catch { animation.cancel(); }
  }
  const active = getter(Document, "activeElement")(document);
  if (active && active !== body) {  // a caret blinks
    const sheet = new CSSStyleSheet();
    sheet.replaceSync("* { caret-color: transparent !important }");
    const adopted = Object.getOwnPropertyDescriptor(Document.prototype, "adoptedStyleSheets");
    adopted.set.call(document, [...adopted.get.call(document), sheet]);
  }

  const sizes = (side) => Math.max(...[root, body].filter(Boolean).flatMap((element) =>
    [[Element, "scroll"], [HTMLElement, "offset"], [Element, "client"]].map(([kind, name]) =>
      element instanceof kind ? getter(kind, name + side)(element) : 0)));
  const width = sizes("Width") || innerWidth, height = sizes("Height") || innerHeight;

  let room = most.characters;
  const cut = (text, n) => {
    const kept = String(text).slice(0, Math.max(0, Math.min(n, room))).toWellFormed();
    room -= kept.length;
    return kept;
  };

  const painter = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const colors = new Map();
  function rgba(text) {  // any colour space, as sRGB bytes and alpha
    const plain = /^rgba?\((\d+), (\d+), (\d+)(?:, ([\d.]+))?\)$/.exec(text);
    if (plain) return [+plain[1], +plain[2], +plain[3], plain[4] === undefined ? 1 : +plain[4]];
    if (!colors.has(text)) {
      painter.clearRect(0, 0, 1, 1);
      painter.fillStyle = "#000";
      painter.fillStyle = text;
      painter.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = painter.getImageData(0, 0, 1, 1).data;
      colors.set(text, [r, g, b, a / 255]);
    }
    return colors.get(text);
  }

  // an element's text as it may be seen: style, colour, and the box that its ancestors leave of it
  const looks = new Map();
  const page = { left: 0, top: 0, right: width, bottom: height };
  function look(element) {
    if (!element) return { clip: page };
    const known = looks.get(element);
    if (known) return known;
    const style = getComputedStyle(element);
    const parent = look(above(element));
    let clip = parent.clip;
    const hides = style.overflowX !== "visible" || style.overflowY !== "visible";
    const cutOut = style.position === "absolute" && style.clip !== "auto";
    if ((hides && element !== body && element !== root) || cutOut) {
      const box = boxOf(element);
      clip = {
        left: Math.max(clip.left, box.left + scrollX), top: Math.max(clip.top, box.top + scrollY),
        right: Math.min(clip.right, box.right + scrollX), bottom: Math.min(clip.bottom, box.bottom + scrollY),
      };
      const inner = cutOut && /rect\(([-\d.]+)px,? ([-\d.]+)px,? ([-\d.]+)px,? ([-\d.]+)px\)/.exec(style.clip);
      if (inner && (+inner[2] - inner[4] < 2 || +inner[3] - inner[1] < 2)) clip = { ...clip, right: clip.left };
    }
    const color = rgba(style.webkitTextFillColor || style.color);
    const seen = isVisible(element, { opacityProperty: true, visibilityProperty: true });
    const result = { clip, color, seen: seen && color[3] > 0, cased: style.textTransform };
    looks.set(element, result);
    return result;
  }
  const recase = {
    uppercase: (text) => text.toUpperCase(),
    lowercase: (text) => text.toLowerCase(),
    capitalize: (text) => text.replace(/(^|\s)(\S)/g, (_, gap, first) => gap + first.toUpperCase()),
  };

  const blocks = [];
  function addBlock(text, element, rects) {
    const { clip, color, seen, cased } = look(element);
    if (!seen) return;
    let x0 = Infinity, y0 = Infinity, x1 = -Infinity, y1 = -Infinity;
    for (const rect of rects) {
      const l = Math.max(rect.left + scrollX, clip.left), t = Math.max(rect.top + scrollY, clip.top);
      const r = Math.min(rect.right + scrollX, clip.right), b = Math.min(rect.bottom + scrollY, clip.bottom);
      if (r - l < 2 || b - t < 2) continue;  // what one pixel shows cannot be read
      x0 = Math.min(x0, l); y0 = Math.min(y0, t); x1 = Math.max(x1, r); y1 = Math.max(y1, b);
    }
    if (x1 <= x0) return;
    const shown = (recase[cased] || String)(text.trim().replace(/\s+/g, " "));
    blocks.push([cut(shown, most.text), x0, y0, x1 - x0, y1 - y0, ...color.slice(0, 3)]);
  }

  const outline = [];
  let elements = 0;
  const range = document.createRange();
  const silent = new Set(["script", "style", "noscript", "template", "textarea", "select", "option", "title", "head"]);
  const fields = new Set(["text", "search", "email", "url", "tel", "number", "submit", "button", "reset"]);
  // no recursion: a page may nest deeper than a stack
  const todo = root ? [[body || root, 0]] : [];
  while (todo.length) {
    const [node, depth] = todo.pop();
    if (nodeType(node) === Node.TEXT_NODE) {
      if (blocks.length < most.blocks && room > 0 && /\S/.test(data(node))) {
        range.selectNodeContents(node);
        addBlock(data(node), above(node), range.getClientRects());
      }
      continue;
    }
    if (nodeType(node) !== Node.ELEMENT_NODE) continue;
    elements += 1;
    if (outline.length < most.outline && room > 0) {
      const id = attribute(node, "id"), names = [...classList(node)].slice(0, 20);
      const mark = (id ? "#" + id : "") + names.map((name) => "." + name).join("");
      outline.push("  ".repeat(Math.min(depth, 60)) + cut(localName(node) + mark, 200));
    }
    if ((node instanceof HTMLInputElement && fields.has(node.type)) || node instanceof HTMLTextAreaElement) {
      const text = node.value || node.placeholder || "";
      if (blocks.length < most.blocks && room > 0 && /\S/.test(text)) addBlock(text, node, [boxOf(node)]);
    }
    if (silent.has(localName(node))) continue;
    for (const tree of [node, shadowRoot(node)])
      for (let child = tree && lastChild(tree); child; child = previousSibling(child)) todo.push([child, depth + 1]);
  }
  if (elements > outline.length) outline.push(`... ${elements - outline.length} more elements`);
  return { width, height, title: cut(getter(Document, "title")(document), 1000), blocks, outline, left: globalThis.left || [] };
})
