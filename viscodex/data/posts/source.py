"""The qa source over a dump: questions with a picture, and accepted answers with Python or HTML.

in:  a store of posts with its pictures; a teacher, unless `refine` is off
out: drafts, their evidence, the samples told of them; the filters with named thresholds
not covered: the store (index.py, fetch.py); how a reply is read (rewriting.py)

Threads come by rank, the most popular first, so that the recipe's n takes the best that pass.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from viscodex.data.draft import Draft, Evidence, Exhausted, Filter, Finding, Machine, Unfit
from viscodex.data.posts.html import MARK, BadText, Code, Text, text_of
from viscodex.data.posts.post import Post, link_of
from viscodex.data.posts.rewriting import PROMPT, REFINE_FILTERS, request_of, rewrite
from viscodex.data.posts.store import PostStore, Thread
from viscodex.data.settings import same_as_before, settings_of
from viscodex.data.teacher import Request, Teacher
from viscodex.data.teacher.reading import reply_filters
from viscodex.errors import BadInput, BadRecipe
from viscodex.images import image_size, open_image
from viscodex.types import Category, Message, Sample

LANGUAGES = ("python", "html")
DEFAULTS: dict[str, Any] = {
    "store": "",  # folder that `viscodex data posts` made
    "refine": True,  # question and answer are rewritten by the teacher
    "languages": LANGUAGES,
    "min_score": 1,  # of the question
    "min_views": 0,
    "min_answer_score": 1,
    "max_pictures": 4,
    "min_side_px": 64,  # of each picture: smaller ones are icons
    "max_ratio": 12.0,  # of the sides of a picture
    "max_characters": 12_000,  # of question and answer, as posted
    "min_code_characters": 24,
    "min_kept": 0.3,  # share of the names in the accepted code that a rewritten answer keeps
    "run": "try",  # "must": the code runs by itself; "try": it is said whether; "no": not run
    "page_width_px": 1280,
    "kinds": (),
    "identity": None,  # of the store, as a card has it; refused where the store is another by now
    "prompts": None,  # name -> hash, as a card has them
}

_PROMPT_SIGN = re.compile(r"^(?:>>> |\.\.\. ?)", re.MULTILINE)
_PARSE = "import ast\nast.parse({code!r})\n"


class PostSource:
    """Questions of a Stack Exchange site about a picture.

    Args:
        seed: stands in the samples; nothing is drawn.
        teacher: rewrites; may be None with `refine` off.
        settings: see DEFAULTS; unknown names are refused.

    Raises:
        BadRecipe: a setting that there is not, no teacher, no store.
        BadInput: the store cannot be read, or is not finished.
    """

    name = "post"
    category: Category = "qa"

    def __init__(self, seed: int = 0, teacher: Teacher | None = None, **settings: Any) -> None:
        self.seed = seed
        known = settings_of(self.name, seed, settings, DEFAULTS, ())
        _check(known, teacher)
        self.teacher = teacher if known["refine"] else None
        self._store = PostStore(Path(known["store"]).expanduser())
        self.prompts = (self.teacher.prompt(PROMPT),) if self.teacher is not None else ()
        self.ahead = self.teacher.ahead if self.teacher is not None else 1
        hashes = {prompt.name: prompt.sha256 for prompt in self.prompts}
        same_as_before(self.name, "identity", self._store.identity, known["identity"])
        same_as_before(self.name, "prompts", hashes, known["prompts"])
        self.settings: Mapping[str, Any] = {
            **known, "identity": self._store.identity, "prompts": hashes,
        }  # fmt: skip
        self.filters = _filters(self.settings, self.teacher is not None)

    def draft(self, index: int) -> Draft:
        """The thread of a rank, rewritten.

        Raises:
            Exhausted: there are no more.
            Unfit: it cannot become a sample.
        """
        thread, question, answer, code, files = self._material(index)
        ask, say = question.markdown, _without_pictures(answer.markdown)
        facts: dict[str, Any] = {"kept": 1.0, "refined": {}}
        whole = _PROMPT_SIGN.sub("", code.text) if code.language == "python" else code.text
        if self.teacher is not None:
            request = self._request(thread, ask, say, code, files)
            done = rewrite(self.teacher, request, language=code.language, code=code.text)
            ask, say, whole = done.question, done.answer, done.code
            files = [files[n] for n in done.order]
            facts = {"kept": done.kept, "refined": done.meta}
        else:
            ask = f"# {thread.question.title}\n\n{ask}"
        return Draft(
            id=f"{self.name}-{index:07d}",
            category=self.category,
            kind=code.language,
            code=whole,
            language=code.language,
            difficulty=round(min(1.0, len(whole) / 4_000), 2),
            seed=self.seed,
            facts={
                **facts, "question": ask, "answer": say, "pictures": files,
                "provenance": _provenance(thread, self._store.site, bool(facts["refined"])),
            },
        )  # fmt: skip

    def request(self, index: int) -> Request | None:
        """What the teacher will be asked about a thread; None: nothing. For estimates."""
        if self.teacher is None:
            return None
        try:
            thread, question, answer, code, files = self._material(index)
        except (Unfit, Exhausted):
            return None
        say = _without_pictures(answer.markdown)
        return self._request(thread, question.markdown, say, code, files)

    def _material(self, index: int) -> tuple[Thread, Text, Text, Code, list[str]]:
        if index >= len(self._store):
            raise Exhausted
        thread = self._store[index]
        question, answer = self._texts(thread)
        return thread, question, answer, self._code(answer), self._pictures(question)

    def _request(self, thread: Thread, ask: str, say: str, code: Code, files: list[str]) -> Request:
        folder = self._store.folder / "pictures"
        return request_of(
            title=thread.question.title,
            question=ask,
            answer=say,
            tags=thread.question.tags,
            language=code.language,
            pictures=[_shown((folder / file).read_bytes()) for file in files],
        )

    def _texts(self, thread: Thread) -> tuple[Text, Text]:
        question, answer, own = thread.question, thread.answer, self.settings
        if question.score < own["min_score"] or question.views < own["min_views"]:
            raise Unfit("not_popular", f"score {question.score}, {question.views} views")
        if answer.score < own["min_answer_score"]:
            raise Unfit("not_popular", f"the answer's score is {answer.score}")
        try:
            texts = text_of(question.body, question.tags), text_of(answer.body, question.tags)
        except BadText as error:
            raise Unfit("bad_text", str(error)) from None
        size = sum(len(text.markdown) for text in texts)
        if size > own["max_characters"]:
            raise Unfit("long_post", f"{size:,} characters", {"characters": float(size)})
        return texts

    def _code(self, answer: Text) -> Code:
        """The longest code of the answer in a wanted language."""
        wanted = [c for c in answer.codes if c.language in self.settings["languages"]]
        if not wanted:
            found = sorted({c.language or "unknown" for c in answer.codes})
            raise Unfit("no_code", f"languages of the answer's code: {', '.join(found) or 'none'}")
        code = max(wanted, key=lambda c: len(c.text))
        least = self.settings["min_code_characters"]
        if len(code.text) < least:
            raise Unfit("no_code", f"{len(code.text)} characters of code; {least} are wanted")
        return code

    def _pictures(self, question: Text) -> list[str]:
        """Files of all pictures of the question."""
        own, links = self.settings, question.pictures
        if not 1 <= len(links) <= own["max_pictures"]:
            raise Unfit("pictures", f"{len(links)} pictures", {"pictures": float(len(links))})
        files = []
        for link in links:
            path = self._store.picture(link.url) or self._store.picture(link.thumbnail)
            if path is None:
                raise Unfit("missing_picture", link.url[:200])
            try:
                width, height = image_size(path.read_bytes())
            except (BadInput, OSError) as error:
                raise Unfit("missing_picture", f"{link.url[:200]}: {error}"[:300]) from None
            sides = {"width": float(width), "height": float(height)}
            if min(width, height) < own["min_side_px"]:
                raise Unfit("small_picture", f"{width} x {height} pixels", sides)
            if max(width, height) > own["max_ratio"] * min(width, height):
                raise Unfit("odd_shape", f"{width} x {height} pixels", sides)
            files.append(f"{path.parent.name}/{path.name}")
        return files

    def execute(self, draft: Draft, machine: Machine) -> Evidence:
        """Parse the code or render it; try whether it runs by itself."""
        folder = self._store.folder / "pictures"
        images = tuple(_shown((folder / file).read_bytes()) for file in draft.facts["pictures"])
        if draft.language == "html":
            width = self.settings["page_width_px"]
            page = machine.pages.render(draft.code, width=width, height=720, javascript=False)
            return Evidence((page,), images, {"runs": float(page.status == "ok")})
        parsed = machine.charts.run(_PARSE.format(code=draft.code), images=False)
        runs = 0.0
        if parsed.status == "ok" and self.settings["run"] != "no":
            runs = float(machine.charts.run(draft.code, images=False).status == "ok")
        return Evidence((parsed,), images, {"runs": runs})

    def tell(self, draft: Draft, evidence: Evidence) -> tuple[Sample, ...]:
        """The one sample of a thread."""
        facts = draft.facts
        how = {("html", 1.0): "renders", ("python", 1.0): "runs"}
        meta = {
            **facts["provenance"],
            "kind": draft.kind,
            "seed": draft.seed,
            "difficulty": draft.difficulty,
            "verified": how.get((draft.language, evidence.numbers["runs"]), "parses"),
        }
        if facts["refined"]:
            meta |= {"teacher": facts["refined"], "kept": round(facts["kept"], 3)}
        sample = Sample(
            id=draft.id,
            category=self.category,
            messages=(Message("user", facts["question"]), Message("assistant", facts["answer"])),
            images=evidence.images,
            task="code",
            reference=draft.code,
            language=draft.language,
            meta=meta,
        )
        return (sample,)


_HOW = "Make one with `viscodex data posts DUMP -o FOLDER`, and name it: settings.store."


def _check(known: Mapping[str, Any], teacher: Teacher | None) -> None:
    if not known["store"]:
        raise BadRecipe("the post source needs a store of posts", "settings.store", _HOW)
    if known["run"] not in ("must", "try", "no"):
        raise BadRecipe("no such way to run code", f"run: {known['run']!r}", "must, try or no")
    if unknown := sorted(set(known["languages"]) - set(LANGUAGES)):
        raise BadRecipe("a language that the post source cannot check", ", ".join(unknown))
    if known["refine"] and teacher is None:
        raise BadRecipe(
            "the post source asks a teacher, and the recipe has none",
            "refine: true",
            "Add a section `teacher:`, or set refine: false.",
        )


def _without_pictures(markdown: str) -> str:
    return re.sub(r"\n{3,}", "\n\n", markdown.replace(MARK, "")).strip()


def _shown(data: bytes) -> bytes:
    """A picture as samples hold them: PNG, JPEG and WebP as they are, of others the first frame."""
    if data.startswith((b"\x89PNG", b"\xff\xd8\xff", b"RIFF")):
        return data
    stream = io.BytesIO()
    open_image(data).save(stream, "PNG")
    return stream.getvalue()


def _provenance(thread: Thread, site: str, refined: bool) -> dict[str, Any]:
    """Licence, authors and links, as CC BY-SA asks for; that it was changed is said, too."""
    posts = (thread.question, thread.answer)
    licences = list(dict.fromkeys(post.licence for post in posts))
    return {
        "source": site,
        "licence": " AND ".join(licences) if all(licences) else "",
        "links": [link_of(post.id, post.kind, site) for post in posts],
        "authors": [_author(post, name, site) for post, name in zip(posts, thread.authors, strict=True)],
        "created": [post.created for post in posts],
        "changes": "rewritten by a model" if refined else "converted to Markdown",
        "score": [post.score for post in posts],
        "views": thread.question.views,
        "tags": list(thread.question.tags),
    }  # fmt: skip


def _author(post: Post, name: str, site: str) -> dict[str, str]:
    link = f"https://{site}/users/{post.owner}" if post.owner is not None else ""
    return {"name": name or ("" if link else "deleted user"), "link": link}


def _filters(settings: Mapping[str, Any], refined: bool) -> tuple[Filter, ...]:
    """In the order in which they are asked; most object while a draft is made."""

    def never(draft: Draft, evidence: Evidence) -> Finding | None:
        return None

    def named(*names: str) -> dict[str, Any]:
        return {name: settings[name] for name in names}

    def drifted(draft: Draft, evidence: Evidence) -> Finding | None:
        share, least = draft.facts["kept"], settings["min_kept"]
        reason = f"{share:.0%} of the names in the accepted code are kept"
        return None if share >= least else Finding(reason, {"kept": share, "min_kept": least})

    def runs(draft: Draft, evidence: Evidence) -> Finding | None:
        if settings["run"] != "must" or evidence.numbers["runs"]:
            return None
        return Finding("the code does not run by itself")

    told = (
        Filter("not_popular", "A question and an answer that others found useful.", never, named("min_score", "min_views", "min_answer_score")),
        Filter("bad_text", f"A text without {MARK} of its own, nested no deeper than a text is.", never),
        Filter("long_post", "A post must leave room.", never, named("max_characters")),
        Filter("no_code", "The accepted answer has code of a wanted language.", never, named("languages", "min_code_characters")),
        Filter("pictures", "The question has a picture, and not a gallery.", never, named("max_pictures")),
        Filter("missing_picture", "All its pictures were got.", never),
        Filter("small_picture", "A picture is no icon.", never, named("min_side_px")),
        Filter("odd_shape", "A picture is no strip.", never, named("max_ratio")),
    )  # fmt: skip
    asked: tuple[Filter, ...] = ()
    if refined:
        checks = {"drifted": (drifted, named("min_kept"))}
        rows = (f for f in reply_filters() if f.name != "no_code")
        asked = (*rows, *(
            Filter(name, text, *checks.get(name, (never, {}))) for name, text in REFINE_FILTERS.items()
        ))  # fmt: skip
    return (*told, *asked, Filter("does_not_run", "Where it is asked for, the code runs by itself.", runs, named("run")))  # fmt: skip
