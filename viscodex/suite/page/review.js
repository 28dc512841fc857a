"use strict";
// Text from drafts becomes text nodes and values of fields, never HTML.
const $ = (id) => document.getElementById(id);
const FIELDS = ["prompt", "area", "lang", "type", "reference", "wrong", "grading", "note"];
let rows = [];      // what the list shows
let base = null;    // the draft as the server last gave it
let marks = {};     // numbers that the reviewer typed: answer -> {correctness, completeness}
let whole = {};     // marks of a judge that was asked: answer -> mark
let busy = false;
let waiting = "";   // the case to go to when the work is done
let clash = false;  // a conflict waits for its decision
let opened = 0;     // grows with each case that is opened: late replies are dropped

function make(tag, props, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props || {})) {
    if (name in node) node[name] = value; else node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function say(text, bad) {
  $("said").textContent = text;
  $("said").classList.toggle("bad", Boolean(bad));
}

async function call(method, path, body) {
  const options = {method, cache: "no-store"};
  if (body) {
    options.body = JSON.stringify(body);
    options.headers = {"Content-Type": "application/json"};
  }
  const reply = await fetch(path, options);
  return {status: reply.status, data: await reply.json()};
}

// --- the list ------------------------------------------------------------------------------------

async function refresh() {
  const {status, data} = await call("GET", "/api/cases");
  if (status !== 200) return say((data.problems || ["no reply"]).join("; "), true);
  rows = data.cases;
  $("folder").textContent = data.folder;
  options($("in-area"), ["", ...data.areas], (name) => name || "all");
  options($("area"), data.areas);
  options($("type"), data.types, (name) => name || "not said");
  document.body.dataset.judge = data.judge;
  const count = (name) => rows.filter((row) => row.status === name).length;
  $("tally").textContent = `${count("accepted")} accepted, ${count("rejected")} rejected, ${count("draft")} to do`;
  list();
  const row = base && rows.find((one) => one.id === base.id);
  if (row && row.revision > base.revision && !busy && !clash) await follow(row);
}

async function follow(row) {  // somebody else changed the case that is open
  say(`${row.reviewer} changed this case`);
  if (changed()) return;  // saving joins the two
  const {status, data} = await call("GET", `/api/cases/${encodeURIComponent(row.id)}`);
  if (status === 200 && base.id === row.id && !changed()) update(data);
}

function options(select, values, label) {
  if (select.options.length === values.length) return;
  const chosen = select.value;
  select.replaceChildren(...values.map((v) => make("option", {value: v, textContent: label ? label(v) : v})));
  select.value = values.includes(chosen) ? chosen : values[0];
}

function shown() {
  const text = $("search").value.toLowerCase();
  return rows.filter((row) => (!$("state").value || row.status === $("state").value)
    && (!$("in-area").value || row.area === $("in-area").value)
    && (!text || `${row.id} ${row.lang} ${row.prompt}`.toLowerCase().includes(text)));
}

function list() {
  const fits = shown();
  $("list").replaceChildren(...fits.map((row) => {
    const button = make("button", {type: "button"},
      make("b", {textContent: row.id}),
      make("span", {textContent: row.status, className: row.status}),
      make("small", {textContent: `${row.area}, ${row.lang}: ${row.prompt}`}));
    if (base && base.id === row.id) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => go(row.id));
    return make("li", null, button);
  }));
  $("none").hidden = fits.length > 0 || Boolean(base);
}

function step(by) {
  const fits = shown();
  if (!fits.length) return;
  const at = fits.findIndex((row) => base && row.id === base.id);
  go(fits[at < 0 ? 0 : Math.min(fits.length - 1, Math.max(0, at + by))].id);
}

// --- one case ------------------------------------------------------------------------------------

async function go(id) {
  if (base && base.id === id) return;
  if (busy) {
    waiting = id;
    return;
  }
  if (changed() && !(await save())) return;  // what is typed is kept before it leaves the page
  const {status, data} = await call("GET", `/api/cases/${encodeURIComponent(id)}`);
  if (status !== 200) return say(data.problems.join("; "), true);
  show(data);
  $("name").focus({preventScroll: true});
  window.scrollTo(0, 0);
}

function show(draft) {
  base = draft;
  opened += 1;
  marks = {};
  whole = {};
  clash = false;
  for (const name of FIELDS) $(name).value = draft[name];
  if ($("area").value !== draft.area) {  // not one of the list: shown as it is
    $("area").append(make("option", {value: draft.area, textContent: draft.area}));
    $("area").value = draft.area;
  }
  $("own").value = "";
  $("case").hidden = false;
  for (const id of ["problems", "clash"]) $(id).hidden = true;
  $("verdicts").replaceChildren();
  history.replaceState(null, "", `#${encodeURIComponent(draft.id)}`);
  head();
  pictures();
  evidence();
  marking();
  list();
}

function update(draft) {  // the same case as before, and what was tried of it
  const own = $("own").value;
  const table = [...$("verdicts").childNodes];
  show(draft);
  $("own").value = own;
  $("verdicts").replaceChildren(...table);
}

function head() {
  $("name").textContent = base.id;
  $("status").textContent = base.status;
  $("status").className = `badge ${base.status}`;
  const who = base.reviewer ? ` by ${base.reviewer}, ${base.changed.replace("T", " ").replace("Z", "")} UTC` : "";
  $("by").textContent = `revision ${base.revision}${who}`;
  $("unsaved").hidden = !changed();
}

function pictures() {
  $("pictures").replaceChildren(...base.images.map((image, n) => {
    const img = make("img", {src: `/picture/${encodeURIComponent(base.id)}/${n}`, alt: `picture ${n + 1}`, tabIndex: 0});
    const zoom = () => img.classList.toggle("whole");
    img.addEventListener("click", zoom);
    img.addEventListener("keydown", (event) => event.key === "Enter" && zoom());
    return make("figure", null, img,
      make("figcaption", {textContent: `<image ${n + 1}>, ${image.width} x ${image.height}`}));
  }));
}

function evidence() {
  const parts = [];
  const link = base.source.url;
  if (link) {
    const safe = /^https?:\/\//.test(link);
    const props = safe ? {href: link, rel: "noopener noreferrer", target: "_blank"} : null;
    const facts = ["author", "licence"].map((key) => base.source[key]).filter(Boolean).join(", ");
    parts.push(make("p", null, make(safe ? "a" : "span", {...props, textContent: link}), ` ${facts}`));
  }
  for (const [name, value] of Object.entries(base.evidence)) {
    const texts = Array.isArray(value) ? value : [value];
    const shown = texts.map((text) => make("pre", {
      textContent: typeof text === "string" ? text : JSON.stringify(text, null, 1), tabIndex: 0}));
    parts.push(make("details", null, make("summary", {textContent: name.replaceAll("_", " ")}), ...shown));
  }
  if (parts.some((part) => part.tagName === "DETAILS")) parts.find((p) => p.tagName === "DETAILS").open = true;
  $("evidence").replaceChildren(...parts);
}

// --- marks of the judge --------------------------------------------------------------------------

function marking() {
  $("marks").hidden = !/^\s*judge\s*:/m.test($("grading").value);
  $("marking").replaceChildren(...["reference", "wrong"].map((answer) => {
    const kept = whole[answer] || base.marks[answer];
    const points = kept ? JSON.parse(kept.reply) : {};
    const typed = marks[answer] || {};
    const number = (part) => {
      const field = make("input", {type: "number", min: 0, max: 50, step: 1, id: `${answer}-${part}`,
        value: typed[part] ?? points[part] ?? ""});
      field.addEventListener("input", () => {
        const read = (one) => parseInt($(`${answer}-${one}`).value, 10);
        delete whole[answer];
        marks[answer] = {correctness: read("correctness"), completeness: read("completeness")};
        head();
      });
      return make("label", null, `${part} `, field);
    };
    const from = make("span", {textContent: kept ? `by ${kept.by}` : "no mark yet"});
    const line = make("div", {className: "mark"}, make("b", {textContent: answer}), number("correctness"),
      number("completeness"), from);
    if (document.body.dataset.judge) {
      const ask = make("button", {type: "button", textContent: "Ask the judge"});
      ask.addEventListener("click", () => askJudge(answer));
      line.append(ask);
    }
    return line;
  }));
}

async function askJudge(answer) {
  const of = opened;
  await working(`asking the judge about the ${answer} answer`, async () => {
    const {status, data} = await call("POST", `/api/cases/${encodeURIComponent(base.id)}/judge`,
      {changes: changes(), answer});
    if (of !== opened) return;
    if (status !== 200) return refused(data);
    whole[answer] = data;
    delete marks[answer];
    marking();
    head();
    say("marked");
  });
}

// --- save, accept, reject ------------------------------------------------------------------------

function changes() {
  const made = {};
  if (!base) return made;
  for (const name of FIELDS) if ($(name).value !== base[name]) made[name] = $(name).value;
  const own = {...base.marks, ...whole, ...marks};
  if (Object.keys(whole).length || Object.keys(marks).length) made.marks = own;
  return made;
}

function changed() {
  return Object.keys(changes()).length > 0;
}

async function working(text, work) {
  if (busy) return false;
  busy = true;
  for (const button of document.querySelectorAll(".actions button")) button.disabled = true;
  say(`${text} ...`);
  try {
    return await work();
  } catch (error) {
    say(`The server does not answer: ${error.message}. Nothing typed is lost; try again.`, true);
    return false;
  } finally {
    busy = false;
    for (const button of document.querySelectorAll(".actions button")) button.disabled = false;
    const id = waiting;
    waiting = "";
    if (id) go(id);
  }
}

async function save(status) {
  if (!base) return false;
  const reviewer = $("reviewer").value.trim();
  if (!reviewer) {
    say("Who are you? The name stands beside every decision.", true);
    $("reviewer").focus();
    return false;
  }
  if (clash) {
    say("First decide between the two edits.", true);
    return false;
  }
  const made = changes();
  if (status && status !== base.status) made.status = status;
  if (!Object.keys(made).length) {
    say(status ? `is ${base.status} already` : "nothing to save");
    return true;
  }
  return working(status === "accepted" ? "trying the case" : "saving", () => send(reviewer, made, 3));
}

async function send(reviewer, made, tries) {
  const path = `/api/cases/${encodeURIComponent(base.id)}`;
  const {status, data} = await call("PUT", path, {revision: base.revision, reviewer, changes: made});
  if (status === 200) {
    update(data);
    say(made.status ? `${base.id}: ${base.status}` : "saved");
    await refresh();
    return true;
  }
  if (status === 409) return merge(reviewer, made, data.current, tries);
  refused(data);
  return false;
}

function refused(data) {
  $("problems").replaceChildren(make("ul", null, ...data.problems.map((text) => make("li", {textContent: text}))));
  $("problems").hidden = false;
  if (data.verdicts && data.verdicts.length) verdicts(data.verdicts);
  say("not saved: see the reasons", true);
}

function merge(reviewer, made, theirs, tries) {
  // a three-way merge: base is what both edited; only what both changed differently needs a decision
  const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
  const both = Object.keys(made).filter((name) => !same(theirs[name], base[name]) && !same(theirs[name], made[name]));
  base = theirs;
  for (const name of FIELDS) if (!(name in made)) $(name).value = theirs[name];
  head();
  list();
  marking();
  if (!both.length && made.status) {  // a decision holds for what was seen, and this was not
    say(`${theirs.reviewer} changed this case meanwhile: look at it, then decide again`, true);
    return false;
  }
  if (!both.length && tries > 0) {
    for (const name of Object.keys(made)) if (same(made[name], theirs[name])) delete made[name];
    say(`joined with the edit of ${theirs.reviewer}`);
    if (!Object.keys(made).length) {
      show(theirs);
      return true;
    }
    return send(reviewer, made, tries - 1);
  }
  conflict(made, theirs, both);
  return false;
}

function conflict(made, theirs, names) {
  const open = new Set(names);
  clash = true;
  const parts = names.map((name) => {
    const text = (value) => typeof value === "string" ? value : JSON.stringify(value, null, 1);
    const section = make("section", null, make("h3", {textContent: name}));
    const decide = (take) => {
      if (take && name === "marks") { marks = {}; whole = {}; marking(); }
      else if (take && name !== "status") $(name).value = theirs[name];
      open.delete(name);
      section.remove();
      clash = open.size > 0;
      $("clash").hidden = !clash;
      head();
      if (!clash) say("decided; save to keep it");
    };
    const keep = make("button", {type: "button", textContent: "Keep mine"});
    const take = make("button", {type: "button", textContent: `Take ${theirs.reviewer}'s`});
    keep.addEventListener("click", () => decide(false));
    take.addEventListener("click", () => decide(true));
    section.append(make("div", {className: "sides"},
      make("div", null, keep, make("pre", {textContent: text(made[name])})),
      make("div", null, take, make("pre", {textContent: text(theirs[name])}))));
    return section;
  });
  const lead = `${theirs.reviewer} changed this case meanwhile (revision ${theirs.revision}). What you typed is still there.`;
  $("clash").replaceChildren(make("p", {textContent: lead}), ...parts);
  $("clash").hidden = false;
  say("two edits of one field: decide which stays", true);
  $("clash").scrollIntoView({block: "nearest"});
}

// --- the grader ----------------------------------------------------------------------------------

async function attempt() {
  if (!base) return;
  const of = opened;
  await working("grading", async () => {
    const {status, data} = await call("POST", `/api/cases/${encodeURIComponent(base.id)}/trial`,
      {changes: changes(), own: $("own").value});
    if (of !== opened) return;
    $("problems").hidden = true;
    if (status !== 200 || !data.verdicts.length) return refused(data);
    verdicts(data.verdicts);
    say(data.problems.length ? `${data.problems.length} of the answers do not score as they must` : "all score as they must",
      data.problems.length > 0);
  });
}

function verdicts(all) {
  const body = all.map((verdict) => {
    const score = verdict.score === null ? (verdict.missing ? "not run" : "none") : verdict.score.toFixed(2);
    const parts = Object.entries(verdict.values).map(([name, v]) => `${name} ${v === null ? "none" : v.toFixed(2)}`);
    const lines = verdict.lines.map(([sign, text]) => make("li", {
      textContent: `${sign === "+" ? "met" : sign === "-" ? "not met" : ""} ${text}`.trim(),
      className: sign === "+" ? "good" : sign === "-" ? "bad" : ""}));
    return make("tr", null,
      make("th", {textContent: verdict.answer, scope: "row"}),
      make("td", {textContent: score}),
      make("td", {textContent: verdict.answer === "own" ? "" : verdict.holds ? "holds" : "does not hold",
        className: verdict.holds ? "good" : "bad"}),
      make("td", null, parts.join(", "), verdict.reason && !verdict.holds ? make("div", {textContent: verdict.reason}) : null,
        make("ul", null, ...lines)));
  });
  $("verdicts").replaceChildren(make("table", null, ...body));
  $("verdicts").scrollIntoView({block: "nearest"});
}

// --- keys ----------------------------------------------------------------------------------------

function reject() {
  if (base && !$("note").value.trim()) {
    say("Say in the note why it is rejected.", true);
    $("note").focus();
    return;
  }
  save("rejected");
}

function help() {
  $("help").hidden = !$("help").hidden;
  $("help-button").setAttribute("aria-expanded", String(!$("help").hidden));
}

const KEYS = {
  j: () => step(1), k: () => step(-1), a: () => save("accepted"), r: reject, u: () => save("draft"),
  t: attempt, s: () => save(), e: () => $("prompt").focus(), "/": () => $("search").focus(), "?": help,
};

document.addEventListener("keydown", (event) => {
  const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
  if (event.key === "Escape" && typing) return event.target.blur();
  if ((event.ctrlKey || event.metaKey) && event.key === "s") {
    event.preventDefault();
    save();
    return;
  }
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !(event.key in KEYS)) return;
  event.preventDefault();
  KEYS[event.key]();
});

function stored(value) {  // a browser may refuse to store anything
  try {
    if (value === undefined) return localStorage.getItem("reviewer") || "";
    localStorage.setItem("reviewer", value);
  } catch { /* the name is asked for again */ }
  return "";
}

$("reviewer").value = stored();
$("reviewer").addEventListener("change", () => stored($("reviewer").value.trim()));
$("help-button").addEventListener("click", help);
$("save").addEventListener("click", () => save());
$("accept").addEventListener("click", () => save("accepted"));
$("reject").addEventListener("click", reject);
$("undecide").addEventListener("click", () => save("draft"));
$("try").addEventListener("click", attempt);
$("form").addEventListener("submit", (event) => event.preventDefault());
$("form").addEventListener("input", head);
$("grading").addEventListener("input", marking);
for (const id of ["search", "state", "in-area"]) $(id).addEventListener("input", list);
window.addEventListener("beforeunload", (event) => { if (changed()) event.preventDefault(); });
setInterval(() => { if (!busy && !document.hidden) refresh().catch(() => say("The server does not answer.", true)); }, 15000);

refresh().then(() => {
  const wanted = decodeURIComponent(location.hash.slice(1));
  const first = rows.find((row) => row.id === wanted) || rows.find((row) => row.status === "draft") || rows[0];
  if (first) go(first.id);
});
