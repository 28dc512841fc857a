"""What programmers photograph: terminals, editors, notebooks, consoles, tables, sheets, as HTML.

in:  a screen: plain data with a style and what it shows; text that a program printed
out: a page whose picture looks like that screen
not covered: diagrams (diagrams.py draws SVG), rendering
"""

from __future__ import annotations

import html
import keyword
import re
from collections.abc import Sequence
from typing import Any

from viscodex.execute.sandbox import WORK

_THEMES = {
    "night": ("#1e1e2e", "#cdd6f4", "#313244", "#f38ba8", "#a6e3a1", "#89b4fa", "#f9e2af", "#7f849c"),
    "dusk": ("#282c34", "#abb2bf", "#21252b", "#e06c75", "#98c379", "#61afef", "#e5c07b", "#5c6370"),
    "black": ("#0c0c0c", "#cccccc", "#1f1f1f", "#e74856", "#16c60c", "#3b78ff", "#f9f1a5", "#767676"),
    "aubergine": ("#300a24", "#eeeeec", "#3b2a37", "#ef2929", "#8ae234", "#729fcf", "#fce94f", "#a08a9a"),
    "day": ("#ffffff", "#24292e", "#f0f2f4", "#d73a49", "#22863a", "#005cc5", "#8a5a00", "#8b949e"),
    "paper": ("#fdf6e3", "#586e75", "#eee8d5", "#dc322f", "#859900", "#268bd2", "#b58900", "#93a1a1"),
}  # fmt: skip
"""Name -> background, text, bar, red, green, blue, yellow, grey."""

THEMES = tuple(_THEMES)
MONO = "'DejaVu Sans Mono', 'Liberation Mono', monospace"
SANS = "'Liberation Sans', 'DejaVu Sans', sans-serif"

_TOKEN = re.compile(
    r"(?P<comment>#[^\n]*|//[^\n]*)|(?P<string>f?\"\"\".*?\"\"\"|f?\"(?:\\.|[^\"\\\n])*\"|f?'(?:\\.|[^'\\\n])*'|`[^`]*`)"
    r"|(?P<number>\b\d[\d_.]*\b)|(?P<word>[A-Za-z_]\w*)|(?P<other>.)",
    re.DOTALL,
)
_WORDS = frozenset(keyword.kwlist) | frozenset(
    [
        "const",
        "let",
        "var",
        "function",
        "return",
        "for",
        "if",
        "else",
        "of",
        "new",
        "class",
        "this",
        "await",
        "async",
        "typeof",
        "=>",
        "null",
        "true",
        "false",
    ]
)


def highlight(code: str, theme: str) -> str:
    """Code as HTML with the colours of a theme."""
    _, _, _, red, green, blue, yellow, grey = _THEMES[theme]
    colours = {"comment": grey, "string": green, "number": yellow}

    def paint(found: re.Match[str]) -> str:
        kind, text = str(found.lastgroup), html.escape(found[0])
        colour = colours.get(kind)
        if kind == "word":
            called = code[found.end() : found.end() + 1] == "("
            colour = red if found[0] in _WORDS else blue if called else None
        return f'<span style="color:{colour}">{text}</span>' if colour else text

    return _TOKEN.sub(paint, code)


def clean_paths(text: str, folder: str) -> str:
    """A traceback as it looks in somebody's own folder."""
    text = re.sub(r'"[^"]*/lib/python3', '"/usr/lib/python3', text)
    return text.replace(f'"{WORK}/', f'"{folder}/')


def screen_html(screen: dict[str, Any], printed: str) -> str:
    """The page of a screen.

    Args:
        screen: style (terminal, editor, notebook, console, frame, sheet, query, html) and its
            fields: theme, size, file, folder, command, code, lines, table, ...
        printed: what the program wrote; a traceback where it failed.
    """
    return _STYLES[screen["style"]](screen, printed)


def _page(body: str, background: str, css: str = "") -> str:
    return (
        "<!doctype html><html><head><meta charset='utf-8'><style>*{box-sizing:border-box}"
        f"body{{margin:0;background:{background};font-family:{SANS}}}pre{{margin:0;white-space:pre-wrap;"
        f"word-break:break-word;font-family:{MONO};line-height:1.45}}{css}</style></head><body>{body}</body></html>"
    )


def _bar(title: str, theme: str) -> str:
    _, text, bar, *_ = _THEMES[theme]
    dots = "".join(
        f'<span style="width:11px;height:11px;border-radius:50%;background:{c};display:inline-block;margin-right:7px"></span>'
        for c in ("#ff5f57", "#febc2e", "#28c840")
    )
    return f'<div style="background:{bar};color:{text};padding:8px 12px;font-size:12px;display:flex;align-items:center">{dots}<span style="flex:1;text-align:center;opacity:.8">{html.escape(title)}</span></div>'


def _terminal(screen: dict[str, Any], printed: str) -> str:
    theme = screen["theme"]
    back, text, _, red, green, blue, _, _ = _THEMES[theme]
    user, host = screen["user"], screen["host"]
    where = screen["folder"].replace(f"/home/{user}", "~")
    prompt = f'<span style="color:{green};font-weight:bold">{user}@{host}</span>:<span style="color:{blue};font-weight:bold">{where}</span>$ '
    shown = html.escape(printed.rstrip())
    shown = re.sub(r"(?m)^(\w*(?:Error|Exception|Warning)\b[^\n]*)$", rf'<span style="color:{red}">\1</span>', shown) if screen.get("colour") else shown  # fmt: skip
    body = f'{prompt}{html.escape(screen["command"])}\n{shown}\n{prompt}<span style="background:{text}">&nbsp;</span>'
    return _page(
        _bar(f"{user}@{host}: {where}", theme)
        + f'<pre style="color:{text};padding:12px 14px 18px;font-size:{screen["size"]}px">{body}</pre>',
        back,
    )


def _numbered(code: str, theme: str, mark: int = 0, first: int = 1) -> str:
    _, text, _, red, _, _, _, grey = _THEMES[theme]
    rows = []
    for k, line in enumerate(highlight(code.rstrip(), theme).split("\n"), first):
        shade = f"background:{red}26;" if k == mark else ""
        rows.append(f'<div style="{shade}"><span style="color:{grey};display:inline-block;width:3em;text-align:right;padding-right:1.2em">{k}</span>{line}</div>')  # fmt: skip
    return f'<pre style="color:{text};padding:10px 0">{"".join(rows)}</pre>'


def _error_line(printed: str, folder: str, file: str) -> int:
    found = re.findall(rf'File "{re.escape(folder)}/{re.escape(file)}", line (\d+)', printed)
    return int(found[-1]) if found else 0


def _editor(screen: dict[str, Any], printed: str) -> str:
    theme = screen["theme"]
    back, text, bar, _, _, blue, _, grey = _THEMES[theme]
    mark = _error_line(printed, screen["folder"], screen["file"])
    tab = f'<div style="background:{bar};color:{text};font-size:12px;display:flex"><span style="background:{back};padding:8px 16px;border-top:2px solid {blue}">{screen["file"]}</span><span style="padding:8px 16px;color:{grey}">{screen["other"]}</span></div>'
    code = (
        f'<div style="font-size:{screen["size"]}px">{_numbered(screen["code"], theme, mark)}</div>'
    )
    heads = "".join(f'<span style="margin-right:18px;{"border-bottom:1px solid " + text if k == 2 else "color:" + grey}">{t}</span>' for k, t in enumerate(("PROBLEMS", "OUTPUT", "TERMINAL")))  # fmt: skip
    panel = f'<div style="border-top:1px solid {grey}66;padding:8px 14px 14px;color:{text}"><div style="font-size:11px;margin-bottom:8px">{heads}</div><pre style="font-size:{screen["size"] - 1}px">$ {html.escape(screen["command"])}\n{html.escape(printed.rstrip())}</pre></div>'
    foot = f'<div style="background:{blue};color:{back};font-size:11px;padding:3px 12px">main &nbsp; Ln {mark or 1}, Col 1 &nbsp; Spaces: 4 &nbsp; UTF-8 &nbsp; {screen["flavour"]}</div>'
    return _page(tab + code + panel + foot, back)


def notebook_traceback(code: str, printed: str, folder: str, file: str, number: int) -> str:
    """A traceback the way IPython shows it: own lines with context, the library's left out."""
    last = printed.strip().splitlines()[-1]
    name = last.split(":")[0].strip().split(".")[-1]
    rule = "-" * 75
    if "Traceback" not in printed:  # a syntax error has no frames
        return "\n".join(
            [
                f"  Cell In[{number}], line {_error_line(printed, folder, file)}",
                *printed.rstrip().splitlines()[1:],
            ]
        )
    parts = [rule, f"{name}{'Traceback (most recent call last)'.rjust(75 - len(name))}"]
    lines = code.rstrip().split("\n")
    for row, where in re.findall(
        rf'File "{re.escape(folder)}/{re.escape(file)}", line (\d+), in (\S+)', printed
    ):
        at = int(row)
        parts.append(
            f"Cell In[{number}], line {at}" + ("" if where == "<module>" else f", in {where}()")
        )
        for k in range(max(1, at - 2), min(len(lines), at + 2) + 1):
            head = f"----> {k}" if k == at else str(k).rjust(6 + len(str(at)))
            parts.append(f"{head} {lines[k - 1]}".rstrip())
        parts.append("")
    message = re.sub(r"^(?:\w+\.)+", "", printed[printed.rindex(last) :].strip())
    return "\n".join([*parts, message])


def _notebook(screen: dict[str, Any], printed: str) -> str:
    n, size = screen["number"], screen["size"]
    text = printed
    if "Traceback" in printed or "SyntaxError" in printed:
        text = notebook_traceback(screen["code"], printed, screen["folder"], screen["file"], n)
    shade = "#ffeeee" if text is not printed else "#ffffff"
    cell = f'<div style="display:flex;padding:10px 12px 4px"><div style="width:74px;color:#303f9f;font:{size}px {MONO};padding-top:9px">In&nbsp;[{n}]:</div><pre style="flex:1;background:#f7f7f7;border:1px solid #cfcfcf;border-radius:2px;padding:8px 10px;font-size:{size}px;color:#24292e">{highlight(screen["code"].rstrip(), "day")}</pre></div>'
    out = html.escape(text.rstrip())
    out = re.sub(
        r"(?m)^(----&gt; \d+)", r'<span style="color:#22863a;font-weight:bold">\1</span>', out
    )
    out = re.sub(
        r"(?m)^(\w+(?:Error|Exception|Iteration))\b",
        r'<span style="color:#c62828;font-weight:bold">\1</span>',
        out,
    )
    return _page(
        cell
        + f'<div style="display:flex;padding:4px 12px 16px"><div style="width:74px"></div><pre style="flex:1;background:{shade};padding:8px 10px;font-size:{size - 1}px;color:#24292e">{out}</pre></div>',
        "#ffffff",
    )


def _console(screen: dict[str, Any], printed: str) -> str:
    theme = screen["theme"]
    back, text, bar, _, _, blue, _, grey = _THEMES[theme]
    tabs = "".join(f'<span style="padding:7px 12px;{"border-bottom:2px solid " + blue if t == "Console" else "color:" + grey}">{t}</span>' for t in ("Elements", "Console", "Sources", "Network"))  # fmt: skip
    head = f'<div style="background:{bar};color:{text};font-size:12px;display:flex">{tabs}</div>'
    code = f'<pre style="color:{text};padding:8px 12px;font-size:{screen["size"]}px"><span style="color:{blue}">&gt; </span>{highlight(screen["code"].rstrip(), theme)}</pre>'
    rows = "".join(
        f'<div style="border-top:1px solid {grey}44;padding:3px 12px;display:flex;color:{text};font-size:{screen["size"]}px"><pre style="flex:1">{html.escape(line)}</pre><span style="color:{blue};font-size:11px;text-decoration:underline">{screen["file"]}:{screen["code"].rstrip().count(chr(10)) + 1}</span></div>'
        for line in printed.rstrip("\n").split("\n")
    )
    return _page(
        head
        + code
        + rows
        + f'<div style="border-top:1px solid {grey}44;padding:6px 12px;color:{blue}">&gt;</div>',
        back,
    )


def table_html(
    columns: Sequence[Any], rows: Sequence[Sequence[Any]], index: bool, number: bool = True
) -> str:
    """An HTML table; with a numbered first column where `index`."""
    head = ("<th></th>" if index else "") + "".join(
        f"<th>{html.escape(str(c))}</th>" for c in columns
    )
    body = []
    for k, row in enumerate(rows):
        cells = "".join(
            f'<td class="{"n" if isinstance(v, int | float) and number else "t"}">{html.escape(str(v))}</td>'
            for v in row
        )
        body.append(f"<tr>{f'<th>{k}</th>' if index else ''}{cells}</tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def _frame(screen: dict[str, Any], printed: str) -> str:
    size = screen["size"]
    css = f"table{{border-collapse:collapse;font-size:{size}px;color:#1f2328}}th,td{{padding:6px 14px;text-align:right}}thead th{{border-bottom:1px solid #888}}tbody tr:nth-child(odd){{background:#f5f5f5}}"
    tables = "".join(
        f'<div><div style="font:{size}px {MONO};color:#303f9f;padding:10px 0 6px">In [{screen["number"] + k}]: <span style="color:#24292e">{html.escape(name)}</span></div>{table_html(columns, rows, True)}</div>'
        for k, (name, columns, rows) in enumerate(screen["tables"])
    )
    note = f'<div style="color:#57606a;font-size:{size - 1}px;padding-top:8px">{html.escape(screen["note"])}</div>' if screen.get("note") else ""  # fmt: skip
    return _page(f'<div style="padding:8px 18px 18px">{tables}{note}</div>', "#ffffff", css)


def _sheet(screen: dict[str, Any], printed: str) -> str:
    columns, rows, size = screen["columns"], screen["rows"], screen["size"]
    letters = "".join(f"<th>{'ABCDEFGHIJ'[k]}</th>" for k in range(len(columns) + 1))
    body = f"<tr><th>1</th>{''.join(f'<td class=h>{html.escape(str(c))}</td>' for c in columns)}<td></td></tr>"
    for k, row in enumerate(rows, 2):
        cells = "".join(
            f'<td class="{"n" if isinstance(v, int | float) else "t"}">{html.escape(str(v))}</td>'
            for v in row
        )
        body += f"<tr><th>{k}</th>{cells}<td></td></tr>"
    css = f"table{{border-collapse:collapse;font-size:{size}px;color:#202124;background:#fff}}th{{background:#f1f3f4;color:#5f6368;font-weight:normal;min-width:34px;padding:4px 8px;border:1px solid #d0d3d6}}td{{border:1px solid #e1e3e6;padding:4px 10px;min-width:84px}}td.n{{text-align:right}}td.h{{font-weight:bold}}"
    bar = f'<div style="display:flex;border-bottom:1px solid #d0d3d6;font-size:{size}px;color:#5f6368"><span style="padding:5px 14px;border-right:1px solid #d0d3d6">{screen["cell"]}</span><span style="padding:5px 10px;font-style:italic">fx</span><span style="padding:5px 8px;color:#202124">{html.escape(screen.get("formula", ""))}</span></div>'
    return _page(f"{bar}<table><tr><th></th>{letters}</tr>{body}</table>", "#ffffff", css)


def _query(screen: dict[str, Any], printed: str) -> str:
    size, accent = screen["size"], screen["accent"]
    css = f"table{{border-collapse:collapse;font-size:{size}px;color:#1f2328;width:100%}}th,td{{padding:5px 12px;border:1px solid #d8dee4;text-align:left}}th{{background:#f6f8fa}}td.n{{text-align:right}}.c{{margin:0 14px 16px 0;border:1px solid #d0d7de;border-radius:6px;overflow:hidden}}.c b{{display:block;padding:7px 12px;background:{accent};color:#fff;font-size:{size}px}}"
    cards = "".join(f"<div class=c><b>{html.escape(name)}</b>{table_html(columns, rows, False)}</div>" for name, columns, rows in screen["tables"])  # fmt: skip
    return _page(
        f'<div style="padding:16px 2px 2px 16px;display:flex;flex-wrap:wrap;align-items:flex-start">{cards}</div>',
        "#ffffff",
        css,
    )


def _drawn(screen: dict[str, Any], printed: str) -> str:
    return _page(
        f'<div style="padding:{screen.get("margin", 14)}px">{screen["body"]}</div>',
        screen.get("background", "#ffffff"),
        screen.get("css", ""),
    )


_STYLES = {
    "terminal": _terminal, "editor": _editor, "notebook": _notebook, "console": _console,
    "frame": _frame, "sheet": _sheet, "query": _query, "drawn": _drawn,
}  # fmt: skip
