"""The frame of our pages: one look, one policy; hostile text stays text.

in:  HTML that is escaped already, our own script
out: a self-contained page: nothing is fetched, no script runs but ours; light and dark, narrow and wide
not covered: what a page shows (data/gallery.py, report/, merge/search/)
"""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Mapping


def plain(text: str) -> str:
    """Text for HTML and for its attributes; what would act on the page is shown as a sign."""
    return html.escape(visible(text))


def visible(text: str) -> str:
    """Text in which control characters and marks of direction are signs; not escaped."""
    return text.translate(_SIGNS).encode(errors="backslashreplace").decode()


_SIGNS: Mapping[int, str] = {
    code: f"[U+{code:04X}]"
    for code in (*range(9), *range(11, 32), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
}  # fmt: skip
"""Control characters, and marks that turn the direction of text, are shown by their numbers."""


def page_of(
    title: str, lead: str, controls: str, body: str, *, script: str = "", style: str = ""
) -> str:
    """A whole page around HTML that is escaped already; title and lead are plain text."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; form-action 'self'; "
        f"base-uri 'none'; script-src 'sha256-{digest}'"
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{html.escape(policy)}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{plain(title)}</title>\n<style>{_STYLE}{style}</style></head>\n"
        f'<body><header class="top"><h1>{plain(title)}</h1><p>{plain(lead)}</p>'
        f"<nav>{controls}</nav></header>\n<main>{body}</main>\n<script>{script}</script></body></html>\n"
    )


_STYLE = """
:root { color-scheme: light dark; --paper: #f6f6f4; --card: #fff; --ink: #1c1d1f; --soft: #62656b;
  --line: #dcdcd8; --code: #f3f3f0; --warn: #a3321c; --badge: #e9eef6; --blue: #1f4f94; }
@media (prefers-color-scheme: dark) { :root { --paper: #17181a; --card: #202124; --ink: #e6e6e3;
  --soft: #a2a5ab; --line: #37393d; --code: #191a1c; --warn: #ff9c86; --badge: #2b3442;
  --blue: #9cc2ff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
a { color: var(--blue); }
.top { padding: 1rem clamp(.8rem, 3vw, 2rem) .8rem; border-bottom: 1px solid var(--line);
  background: var(--card); position: sticky; top: 0; z-index: 1; }
.top h1 { font-size: 1.2rem; margin: 0; display: inline-block; margin-right: .8rem; }
.top p { color: var(--soft); margin: 0; display: inline-block; }
nav { display: flex; flex-wrap: wrap; gap: .4rem 1rem; align-items: center; margin-top: .5rem;
  font-size: .88rem; }
nav form { display: contents; }
nav output { color: var(--soft); }
select, input, button { font: inherit; color: inherit; background: var(--paper); padding: .15rem .4rem;
  border: 1px solid var(--line); border-radius: 4px; max-width: 13rem; }
main { padding: 1rem clamp(.8rem, 3vw, 2rem) 3rem; display: grid; gap: 1rem;
  max-width: 1500px; margin: 0 auto; }
article { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: .8rem 1rem 1rem; min-width: 0; content-visibility: auto;
  contain-intrinsic-size: auto 480px; }
article[hidden] { display: none; }
article header { display: flex; flex-wrap: wrap; gap: .4rem; align-items: baseline; }
h2 { font: 600 .95rem ui-monospace, "DejaVu Sans Mono", monospace; margin: 0 .4rem 0 0;
  overflow-wrap: anywhere; }
article header span { background: var(--badge); border-radius: 3px; padding: 0 .45rem; font-size: .8rem;
  overflow-wrap: anywhere; }
.reason { color: var(--warn); margin: .4rem 0 0; font-weight: 600; overflow-wrap: anywhere; }
.pair { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 1rem;
  margin-top: .7rem; }
.alone { margin-top: .7rem; }
.pictures { display: flex; flex-direction: column; gap: .6rem; align-items: flex-start; }
img { max-width: 100%; max-height: 30rem; border: 1px solid var(--line); background: #fff;
  cursor: zoom-in; }
img.whole { max-height: none; cursor: zoom-out; }
h3 { font-size: .75rem; font-weight: 600; color: var(--soft); margin: .6rem 0 .2rem;
  text-transform: uppercase; letter-spacing: .04em; }
h3:first-child { margin-top: 0; }
pre { margin: 0; padding: .5rem .6rem; background: var(--code); border-radius: 4px; overflow: auto;
  max-height: 24rem; font: .78rem/1.45 ui-monospace, "DejaVu Sans Mono", monospace;
  white-space: pre-wrap; overflow-wrap: anywhere; tab-size: 4; unicode-bidi: isolate; }
.none { color: var(--soft); font-size: .85rem; margin: .2rem 0; }
details { margin-top: .6rem; font-size: .82rem; }
summary { color: var(--soft); cursor: pointer; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .1rem .8rem;
  margin: .3rem 0 0; }
dt { color: var(--soft); max-width: 12rem; overflow-wrap: anywhere; }
dd { margin: 0; overflow-wrap: anywhere; font-family: ui-monospace, "DejaVu Sans Mono", monospace; }
@media (max-width: 760px) { .pair { grid-template-columns: minmax(0, 1fr); }
  .top { position: static; } img { max-height: 24rem; } }
"""

ZOOM = """
function zoom(event) {
  if (event.target.tagName === "IMG" && (event.type === "click" || event.key === "Enter"))
    event.target.classList.toggle("whole");
}
document.addEventListener("click", zoom);
document.addEventListener("keydown", zoom);
"""
