"""Records of other layouts as samples: MCD, LLaMA-Factory (sharegpt, alpaca), OpenAI chat, ours.

in:  one decoded record, where its pictures are, what its keys mean
out: a Sample that is sound, or Unfit with the reason
not covered: reading records (records.py), counting the unfit ones (importing.py)

What a layout has no place for travels in a key "viscodex", which other readers pass over: an object
of texts, so that tools which infer one type for each column can load the file.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from viscodex.data.columns import META_COLUMNS
from viscodex.data.pictures import Pictures
from viscodex.data.sound import MARK, Flaw, flaws
from viscodex.errors import BadInput
from viscodex.text import read_answer
from viscodex.types import Category, Completion, Message, Sample

EXTRA = "viscodex"
_EXTRA_TEXTS = ("id", "task", "reference", "language", "tests")
_LANGUAGES = {"chart": "python", "html": "html", "algorithm": "python"}

_ROLES: dict[str, str] = {
    "system": "system", "user": "user", "assistant": "assistant", "human": "user", "gpt": "assistant",
}  # fmt: skip
"""What a layout calls them -> role."""


class Unfit(Exception):
    """A record that cannot be a sample."""

    def __init__(self, flaw: Flaw) -> None:
        self.flaw = flaw
        super().__init__(flaw.why)


@dataclass(frozen=True, slots=True)
class Layout:
    """What the keys of records mean; the defaults know all the layouts above."""

    messages: tuple[str, ...] = ("messages", "conversations")
    role_tags: tuple[str, ...] = ("role", "from")
    content_tags: tuple[str, ...] = ("content", "value")
    images: tuple[str, ...] = ("images", "image")
    prompt: tuple[str, ...] = ("instruction", "prompt")
    query: tuple[str, ...] = ("input", "query")
    response: tuple[str, ...] = ("output", "response")
    system: tuple[str, ...] = ("system",)
    history: tuple[str, ...] = ("history",)
    roles: Mapping[str, str] = field(default_factory=lambda: dict(_ROLES))


def layout_of(entry: Mapping[str, Any]) -> Layout:
    """The layout that an entry of LLaMA-Factory's dataset_info.json describes."""
    columns, tags = entry.get("columns") or {}, entry.get("tags") or {}
    plain = Layout()
    names = ("messages", "images", "prompt", "query", "response", "system", "history")
    found: dict[str, Any] = {name: (str(columns[name]),) for name in names if name in columns}
    for tag, name in (("role_tag", "role_tags"), ("content_tag", "content_tags")):
        if tag in tags:
            found[name] = (str(tags[tag]),)
    roles = {str(tags[f"{role}_tag"]): role for role in _ROLES.values() if f"{role}_tag" in tags}
    return Layout(**found, roles={**plain.roles, **roles})


@dataclass(frozen=True, slots=True)
class Defaults:
    """What is said of records that do not say it themselves."""

    category: Category | None = None
    source: str = ""
    licence: str = ""


def sample_from_record(
    record: Any, number: int, pictures: Pictures, layout: Layout, defaults: Defaults
) -> Sample:
    """The sample of a record.

    Raises:
        Unfit: with the first thing that is wrong.
    """
    if not isinstance(record, dict):
        raise _wrong("the record", "an object", record)
    if "image_sizes" in record and "meta" in record:
        record = {**record, EXTRA: _own_row(record)}
    messages, inline = _messages(record, layout)
    category = record.get("category") or defaults.category
    if not isinstance(category, str):
        raise Unfit(Flaw("unknown_category", f"category {category!r}"))
    images = inline or _images(record, layout, pictures)
    own = _extra(record)
    base: dict[str, Any] = {
        "id": f"{category.lower()}-{number:07d}",
        "category": category.lower(),
        "messages": messages,
        "images": images,
    }
    sample = Sample(**{**base, **(_guessed(base, defaults) if own is None else own)})
    if flaw := next(flaws(sample), None):
        raise Unfit(flaw)
    return sample


def extra_of(sample: Sample) -> dict[str, str]:
    """What goes into the key "viscodex": all that the messages, images and category do not say."""
    texts = {name: str(getattr(sample, name)) for name in _EXTRA_TEXTS}
    return {**texts, "meta": json.dumps(sample.meta, sort_keys=True)}


def _wrong(what: str, wanted: str, found: Any) -> Unfit:
    return Unfit(Flaw("wrong_type", f"{what} is {type(found).__name__}, not {wanted}"))


def _first(record: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((record[name] for name in names if record.get(name) is not None), None)


# --- messages -------------------------------------------------------------------------------------


def _messages(
    record: Mapping[str, Any], layout: Layout
) -> tuple[tuple[Message, ...], tuple[bytes, ...]]:
    """The messages, and the pictures that stand inside them."""
    turns = _first(record, layout.messages)
    if turns is None:
        turns = _alpaca_turns(record, layout)
    if not isinstance(turns, list):
        raise _wrong("messages", "a list", turns)
    messages: list[Message] = []
    inline: list[bytes] = []
    system = _first(record, layout.system)
    if isinstance(system, str) and system:
        messages.append(Message("system", system))
    for turn in turns:
        if not isinstance(turn, dict):
            raise _wrong("a message", "an object", turn)
        said = _first(turn, layout.role_tags)
        role = layout.roles.get(said) if isinstance(said, str) else None
        if role is None:
            raise Unfit(Flaw("unknown_role", f"role {said!r}"[:200]))
        content = _first(turn, layout.content_tags)
        if isinstance(content, list):
            content = _joined(content, inline)
        if not isinstance(content, str):
            raise _wrong("the content of a message", "text", content)
        messages.append(Message(cast("Any", role), content))
    return tuple(messages), tuple(inline)


def _alpaca_turns(record: Mapping[str, Any], layout: Layout) -> list[dict[str, Any]]:
    prompt, query = _first(record, layout.prompt), _first(record, layout.query)
    response = _first(record, layout.response)
    if prompt is None or response is None:
        keys = ", ".join(sorted(map(str, record))[:12])
        raise Unfit(Flaw("wrong_type", f"no messages; the keys are {keys}"[:300]))
    turns: list[tuple[str, Any]] = []
    history = _first(record, layout.history) or []
    for pair in history if isinstance(history, list) else [history]:
        if not isinstance(pair, list) or len(pair) != 2:
            raise _wrong("history", "a list of pairs", pair)
        turns += [("user", pair[0]), ("assistant", pair[1])]
    asked = f"{prompt}\n{query}" if isinstance(prompt, str) and query else prompt
    turns += [("user", asked), ("assistant", response)]
    role, content = layout.role_tags[0], layout.content_tags[0]
    return [{role: who, content: what} for who, what in turns]


def _joined(parts: list[Any], inline: list[bytes]) -> str:
    """OpenAI's parts of a message as one text; the pictures go into `inline`."""
    text = []
    for part in parts:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "text" and isinstance(part.get("text"), str):
            text.append(part["text"])
        elif kind == "image_url":
            given = part.get("image_url")
            inline.append(_from_data_url(given.get("url") if isinstance(given, dict) else given))
            text.append(MARK)
        else:
            raise Unfit(Flaw("wrong_type", f"a part of a message is of type {kind!r}"[:200]))
    return "".join(text)


def _from_data_url(url: Any) -> bytes:
    head = re.match(r"data:image/[\w.+-]+;base64,", url) if isinstance(url, str) else None
    if head is None:
        raise Unfit(Flaw("missing_image", f"not a data URL: {str(url)[:80]!r}"))
    try:
        return base64.b64decode(url[head.end() :], validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unfit(Flaw("broken_image", f"base64 of a data URL: {error}")) from None


# --- pictures, and the rest -----------------------------------------------------------------------


def _images(record: Mapping[str, Any], layout: Layout, pictures: Pictures) -> tuple[bytes, ...]:
    given = _first(record, layout.images)
    if given is None:
        return ()
    names = given if isinstance(given, list) else [given]
    return tuple(_image(name, pictures) for name in names)


def _image(given: Any, pictures: Pictures) -> bytes:
    if isinstance(given, dict) and isinstance(given.get("bytes"), bytes):  # as `datasets` stores it
        return cast("bytes", given["bytes"])
    name = given.get("path") if isinstance(given, dict) else given
    if not isinstance(name, str):
        raise _wrong("the name of a picture", "text", name)
    try:
        return pictures.read(name)
    except KeyError:
        raise Unfit(Flaw("missing_image", f"there is no {name[:200]!r}")) from None
    except (BadInput, OSError, ValueError) as error:
        raise Unfit(Flaw("broken_image", f"{name[:200]}: {error}"[:400])) from None


def _own_row(record: Mapping[str, Any]) -> dict[str, Any]:
    """The extra of a row of our own parquet files."""
    row = {name: record.get(name) for name in (*_EXTRA_TEXTS, *META_COLUMNS)}
    meta = _meta(record["meta"])
    columns = {key: row.pop(key) for key in META_COLUMNS}
    return {**row, "meta": {**{k: v for k, v in columns.items() if v is not None}, **meta}}


def _extra(record: Mapping[str, Any]) -> dict[str, Any] | None:
    own = record.get(EXTRA)
    if own is None:
        return None
    if not isinstance(own, dict):
        raise _wrong(f"the key {EXTRA!r}", "an object", own)
    found: dict[str, Any] = {}
    for name in _EXTRA_TEXTS:
        if own.get(name) is not None:
            if not isinstance(own[name], str):
                raise _wrong(f"{EXTRA}.{name}", "text", own[name])
            found[name] = own[name]
    return {**found, "meta": _meta(own.get("meta", {}))}


def _meta(given: Any) -> dict[str, Any]:
    try:
        meta = json.loads(given) if isinstance(given, str) else given
        if isinstance(meta, dict):
            json.dumps(meta, allow_nan=False, ensure_ascii=False).encode()
            return meta
    except (ValueError, TypeError, RecursionError) as error:
        raise Unfit(Flaw("wrong_type", f"meta is not JSON: {error}"[:300])) from None
    raise _wrong("meta", "an object", meta)


def _guessed(base: Mapping[str, Any], defaults: Defaults) -> dict[str, Any]:
    """Task, reference and language of a record that says nothing of them."""
    meta = {"source": defaults.source, "licence": defaults.licence}
    meta = {key: value for key, value in meta.items() if value}
    if not base["messages"] or base["messages"][-1].role != "assistant":
        return {"meta": meta}
    expected = _LANGUAGES.get(base["category"], "")
    answer = read_answer(base["id"], Completion(base["messages"][-1].content), expected)
    if not answer.code:
        return {"task": "question", "meta": meta}
    language = answer.language or expected
    return {"reference": answer.code, "language": language, "meta": meta}
