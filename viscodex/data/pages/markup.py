"""HTML as a tree, written the way a person writes it: indented, short things on one line.

in:  tags with attributes and children
out: the text of a page
not covered: which tags a page has (sections.py, kinds.py), its style sheet (page.py)
"""

from __future__ import annotations

import html
import textwrap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

VOID = frozenset({"br", "hr", "img", "input", "link", "meta"})
"""Elements without an end tag."""

RAW = frozenset({"pre", "textarea"})
"""Elements in which white space counts."""

_INLINE = frozenset(
    [
        "a",
        "abbr",
        "b",
        "button",
        "br",
        "code",
        "em",
        "i",
        "img",
        "input",
        "label",
        "select",
        "option",
        "small",
        "span",
        "strong",
        "time",
    ]
)
_LINE = 96  # characters; longer elements are broken over several lines
_SHORT_NAMES = {"cls": "class", "for_": "for"}


@dataclass(frozen=True, slots=True)
class Tag:
    """An element; name "!" is a comment with one text."""

    name: str
    attrs: tuple[tuple[str, str], ...] = ()  # an empty value is written as the name alone
    children: tuple[Tag | str, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of its class attribute."""
        return tuple(dict(self.attrs).get("class", "").split())


Child: TypeAlias = Tag | str | Iterable["Child"] | None


def tag(name: str, /, *children: Child, **attrs: str | int | bool | None) -> Tag:
    """An element: children may be nested lists, None is left out, `cls` is the class attribute."""
    kept = tuple(
        (_SHORT_NAMES.get(key, key.replace("_", "-")), "" if value is True else str(value))
        for key, value in attrs.items()
        if value is not None and value is not False and value != ""
    )
    return Tag(name, kept, tuple(_flat(children)))


def _flat(children: Iterable[Child]) -> Iterator[Tag | str]:
    for child in children:
        if child is None or child == "":
            continue
        if isinstance(child, Tag | str):
            yield child
        else:
            yield from _flat(child)


def comment(text: str) -> Tag:
    """A comment."""
    return Tag("!", (), (text,))


def walk(node: Tag) -> Iterator[Tag]:
    """The element and all below it, in document order."""
    yield node
    for child in node.children:
        if isinstance(child, Tag):
            yield from walk(child)


def visible_text(node: Tag) -> str:
    """Its text without tags, white space collapsed."""
    parts = [child if isinstance(child, str) else visible_text(child) for child in node.children]
    return " ".join("".join(parts).split()) if node.name != "!" else ""


def write(node: Tag, indent: int, attributes: Callable[[Tag], tuple[tuple[str, str], ...]]) -> str:
    """The markup of an element.

    Args:
        node: the element.
        indent: blanks a level.
        attributes: what stands in an element's start tag, in the end.
    """
    return "\n".join(_lines(node, 0, indent, attributes))


def _quoted(value: str) -> str:
    return html.escape(value, quote=False).replace('"', "&quot;")


def _start(node: Tag, attributes: Callable[[Tag], tuple[tuple[str, str], ...]]) -> str:
    shown = "".join(
        f' {name}="{_quoted(value)}"' if value else f" {name}" for name, value in attributes(node)
    )
    return f"<{node.name}{shown}>"


def _flow(node: Tag, attributes: Callable[[Tag], tuple[tuple[str, str], ...]]) -> str:
    """The element without a line break of ours."""
    if node.name == "!":
        return f"<!-- {node.children[0]} -->"
    start = _start(node, attributes)
    return start if node.name in VOID else f"{start}{_content(node, attributes)}</{node.name}>"


def _content(node: Tag, attributes: Callable[[Tag], tuple[tuple[str, str], ...]]) -> str:
    return "".join(
        html.escape(child, quote=False) if isinstance(child, str) else _flow(child, attributes)
        for child in node.children
    )


def _is_flowing(node: Tag) -> bool:
    """Whether it holds only text and inline elements."""
    return all(
        isinstance(child, str) or (child.name in _INLINE and _is_flowing(child))
        for child in node.children
    )


def _lines(
    node: Tag,
    depth: int,
    indent: int,
    attributes: Callable[[Tag], tuple[tuple[str, str], ...]],
) -> Iterator[str]:
    pad = " " * (indent * depth)
    texts = any(isinstance(child, str) for child in node.children)
    if node.name in VOID or node.name in RAW or node.name == "!" or not node.children:
        yield pad + _flow(node, attributes)
        return
    # several elements side by side are told apart by lines, a text with a link in it is one line
    if _is_flowing(node) and (texts or len(node.children) == 1):
        line = _flow(node, attributes)
        if len(line) <= _LINE or node.name in _INLINE:
            yield pad + line
            return
    yield pad + _start(node, attributes)
    if texts:
        inner = _content(node, attributes)
        deeper = pad + " " * indent
        if all(isinstance(child, str) for child in node.children):
            yield from textwrap.wrap(
                inner, _LINE, initial_indent=deeper, subsequent_indent=deeper,
                break_long_words=False, break_on_hyphens=False,
            )  # fmt: skip
        else:
            yield deeper + inner
    else:
        for child in node.children:
            assert isinstance(child, Tag)
            yield from _lines(child, depth + 1, indent, attributes)
    yield f"{pad}</{node.name}>"
