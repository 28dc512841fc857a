"""Draft cases: a store of posts, the funnel, a paraphrase, a grading; all of it can go on.

in:  a SuiteRecipe, a store of posts, a teacher
out: DIR/drafts with a file for each case, DIR/draft.json, DIR/rejects.jsonl; DraftReport
not covered: reviewing (review.py), freezing (freeze.py)

    readable        popular questions with a licence, text and pictures that open
    indispensable   asked without and with the pictures, marked against the accepted answer
    sorted          area, language, type
    chosen          the most popular of each area, by its share of the quota
    rewritten       told anew, with a reference answer and a plausible wrong one
    graded          keywords, unit tests, judge; tried on these answers

Replies of the teacher come from its cache where they were paid once; rows of steps are on disk.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from viscodex.data.draft import Unfit
from viscodex.data.parts import locked
from viscodex.data.posts.store import PostStore
from viscodex.data.teacher import Teacher
from viscodex.data.teacher.teacher import picture_tokens
from viscodex.errors import OutputRefused, RunStopped
from viscodex.files import write_atomically
from viscodex.suite import ask
from viscodex.suite.areas import PREFIXES, quotas
from viscodex.suite.candidate import Candidate
from viscodex.suite.drafts import DraftCase, DraftImage, Drafts
from viscodex.suite.freeze import ORIGIN
from viscodex.suite.funnel import Progress, Step, StepReport
from viscodex.suite.grade import propose
from viscodex.suite.layout import to_yaml, write_lines
from viscodex.suite.mapping import read_case
from viscodex.suite.posts import candidate_of, check_popular, save_pictures
from viscodex.suite.recipe import SuiteRecipe
from viscodex.suite.trial import three_ways
from viscodex.tasks.cases import CaseError

_SHOWN_ANSWER = 1500  # characters of a teacher's answer that the review page shows


@dataclass(frozen=True, slots=True)
class DraftReport:
    """What a run made of a store, all runs before it included."""

    steps: tuple[StepReport, ...]
    areas: dict[str, int]  # area -> drafts
    wanted: int  # cases that the experts shall come to
    n_drafts: int
    n_holding: int  # drafts that hold three ways as they are
    prompts: dict[str, str]  # file -> sha256
    spent: dict[str, Any]  # of the teacher: requests, tokens, money
    stopped: str = ""  # why it ended before its end


@dataclass(slots=True)
class _Work:
    """One run."""

    recipe: SuiteRecipe
    folder: Path
    store: PostStore
    teacher: Teacher
    progress: Progress
    where: dict[str, Any]
    candidates: dict[str, Candidate] = field(default_factory=dict)
    reports: list[StepReport] = field(default_factory=list)
    steps: dict[str, Step] = field(default_factory=dict)

    def step(self, name: str, ids: list[str], do: Callable[[str], dict[str, Any]]) -> list[str]:
        """Run one step over candidates."""
        step = self.steps[name] = Step(name, self.folder)
        workers = self.recipe.teacher.concurrency
        try:
            return step.run(ids, do, workers=workers, progress=self.progress)
        finally:
            self.reports.append(step.report(ids))

    def images(self, key: str) -> tuple[DraftImage, ...]:
        """The pictures of a candidate."""
        return tuple(DraftImage(**one) for one in self.steps["readable"].data(key)["images"])

    def pictures(self, key: str) -> list[bytes]:
        """Their bytes."""
        return [(self.folder / image.path).read_bytes() for image in self.images(key)]


def make_drafts(
    recipe: SuiteRecipe,
    out: Path,
    *,
    progress: Progress = lambda *_: None,
    tell: Callable[[str], None] = lambda _: None,
    **where: Any,
) -> DraftReport:
    """Make draft cases, or go on with them.

    Args:
        out: folder of the drafts.
        tell: gets lines for a person: the estimate.
        where: tier, allow_unsafe of the unit tests.

    Raises:
        BadInput: the store is none, or not finished.
        BadRecipe: a prompt that there is not.
        OutputRefused: the folder was begun with other rules, or is in use.
    """
    store, teacher = PostStore(Path(recipe.posts)), Teacher(recipe.teacher, out)
    prompts = {name: teacher.prompt(name).sha256 for name in ask.PROMPTS.values()}
    out.mkdir(parents=True, exist_ok=True)
    with locked(out / "lock", wait=False) as held:
        if not held:
            raise OutputRefused("another process drafts here", str(out), "Wait for it.")
        _check_identity(recipe, store, prompts, out)
        work = _Work(recipe, out, store, teacher, progress, where)
        stopped = ""
        try:
            _funnel(work, tell)
        except RunStopped as error:
            stopped = str(error)
        report = _report(work, prompts, stopped)
        _write_origin(recipe, store, report, out)
        write_lines(out / "rejects.jsonl", _rejects(work))
        if recipe.teacher.record and not stopped:
            teacher.record(Path(recipe.teacher.record))
    return report


def _check_identity(
    recipe: SuiteRecipe, store: PostStore, prompts: dict[str, str], out: Path
) -> None:
    """Rows of steps are good for equal rules alone."""
    now = {"recipe": recipe.content(), "posts": store.identity, "prompts": prompts}
    place = out / "funnel" / "identity.json"
    try:
        begun = json.loads(place.read_bytes())
    except FileNotFoundError:
        place.parent.mkdir(exist_ok=True)
        write_atomically(place, json.dumps(now, indent=1))
        return
    if begun != now:
        differ = [key for key in now if begun.get(key) != now[key]]
        todo = "Choose another folder; replies of the teacher are found again and cost nothing."
        raise OutputRefused(
            "the drafts were begun with other rules", f"{out}: {', '.join(differ)}", todo
        )


# --- the funnel -----------------------------------------------------------------------------------


def _funnel(work: _Work, tell: Callable[[str], None]) -> None:
    recipe, teacher = work.recipe, work.teacher
    readable = _readable(work)
    tell(_estimate(work, readable))
    kept = work.step(
        "indispensable",
        readable,
        lambda key: ask.indispensable(
            teacher, work.candidates[key], work.pictures(key), recipe.indispensable
        ),
    )
    kept = work.step(
        "sorted", kept, lambda key: ask.sort(teacher, work.candidates[key], work.pictures(key))
    )
    chosen = _chosen(work, kept)
    kept = work.step(
        "rewritten",
        chosen,
        lambda key: ask.rewrite(
            teacher, work.candidates[key], work.pictures(key),
            work.steps["sorted"].data(key)["lang"], recipe.rewrite,
        ),
    )  # fmt: skip
    kept = work.step("graded", kept, lambda key: _graded(work, key))
    drafts = Drafts(work.folder, make=True)
    for key in kept:
        drafts.add(_draft(work, key))


def _readable(work: _Work) -> list[str]:
    """The first `ask` candidates of the popular ones that can be read, by rank."""
    recipe, store = work.recipe, work.store
    most = min(len(store), recipe.popular.keep)
    work.reports.append(
        StepReport(
            "popular",
            len(store),
            most,
            {"not_popular": len(store) - most} if len(store) > most else {},
        )
    )
    step = work.steps["readable"] = Step("readable", work.folder)
    by_id: dict[str, int] = {}
    kept: list[str] = []

    def read(key: str) -> dict[str, Any]:
        thread = store[by_id[key]]
        check_popular(thread, recipe.popular)
        candidate = candidate_of(thread, store.site)
        images = save_pictures(candidate, store, work.folder, recipe.pictures)
        return {"rank": by_id[key], "images": [asdict(image) for image in images]}

    size = 256  # looked at together: rows of a run before are read once
    for start in range(0, most, size):
        block = [f"q{store[rank].question.id}" for rank in range(start, min(most, start + size))]
        by_id.update(zip(block, range(start, most), strict=False))
        kept += step.run(block, read)
        work.progress("reading posts", len(kept), recipe.ask)
        if len(kept) >= recipe.ask:
            break
    kept = kept[: recipe.ask]
    for key in kept:
        work.candidates[key] = candidate_of(store[by_id[key]], store.site)
    seen = [key for key in by_id if key in step.rows]
    work.reports.append(step.report(seen))
    return kept


def _chosen(work: _Work, ids: list[str]) -> list[str]:
    """The most popular ones of each area."""
    quota, data = work.recipe.quota, work.steps["sorted"].data
    wanted = quotas(round(quota.n * quota.spare), quota.shares)
    taken: Counter[str] = Counter()
    chosen = []
    for key in sorted(ids, key=lambda key: work.candidates[key].rank):
        area = data(key)["area"]
        if taken[area] < wanted[area]:
            taken[area] += 1
            chosen.append(key)
    over = len(ids) - len(chosen)
    work.reports.append(
        StepReport("chosen", len(ids), len(chosen), {"quota_full": over} if over else {})
    )
    return chosen


def _graded(work: _Work, key: str) -> dict[str, Any]:
    """The grading of a candidate, and whether the three answers score as they must with it."""
    draft = _draft(work, key, graded=False)
    made = propose(work.teacher, draft, work.pictures(key), work.folder, **work.where)
    draft = replace(draft, grading=made["grading"])
    try:
        case = read_case(draft, work.folder)
    except CaseError as error:
        raise Unfit("no_case", str(error)[:300]) from None
    responses = {"reference": draft.reference, "wrong": draft.wrong}
    verdicts = three_ways(case, responses, **work.where)
    made["holds"] = all(verdict.holds for verdict in verdicts)
    made["notes"] += [v.reason for v in verdicts if not v.holds and case.grading.judge is None]
    return made


def _draft(work: _Work, key: str, *, graded: bool = True) -> DraftCase:
    """The draft of what the steps found."""
    candidate, steps = work.candidates[key], work.steps
    told, sorted_ = steps["rewritten"].data(key), steps["sorted"].data(key)
    nothing: dict[str, Any] = {"grading": "", "notes": []}
    grading = steps["graded"].data(key) if graded else nothing
    shown = steps["indispensable"].data(key)
    return DraftCase(
        id=f"{PREFIXES[sorted_['area']]}-{candidate.id}",
        area=sorted_["area"],
        lang=sorted_["lang"],
        type=sorted_["type"],
        prompt=told["question"],
        reference=told["reference"],
        wrong=told["wrong"],
        grading=grading["grading"],
        images=work.images(key),
        source={**candidate.source, "teacher": told["meta"]},
        evidence={
            "notes": grading["notes"],
            "post": candidate.text,
            "accepted_answer": candidate.accepted,
            "answers_without_pictures": [_answer_line(one) for one in shown["blind"]],
            "answers_with_pictures": [_answer_line(one) for one in shown["seeing"]],
            "tags_and_votes": f"{', '.join(candidate.tags)}; score {candidate.score}, {candidate.views} views",
        },
    )


def _answer_line(one: dict[str, Any]) -> str:
    text = one["answer"]
    cut = f"{text[:_SHOWN_ANSWER]} ..." if len(text) > _SHOWN_ANSWER else text
    return f"{one['points']:g} points of 100: {one['reason']}\n\n{cut}"


# --- what is told ---------------------------------------------------------------------------------


def _estimate(work: _Work, ids: list[str]) -> str:
    """What the teacher will be asked at most, all steps, as if nothing were in its cache."""
    recipe, prompts = work.recipe, {n: work.teacher.prompt(p) for n, p in ask.PROMPTS.items()}
    attempts, chosen = recipe.indispensable.attempts, round(recipe.quota.n * recipe.quota.spare)
    requests = {"answer": 2 * attempts, "grade": 2 * attempts, "sort": 1}
    tokens_in = tokens_out = 0
    for number, key in enumerate(ids):
        candidate = work.candidates[key]
        text = len((candidate.text + candidate.accepted).encode()) // 4
        seen = sum(picture_tokens(data)[1] for data in work.pictures(key))
        later = {"rewrite": 1, "rules": 1} if number < chosen else {}
        for name, times in {**requests, **later}.items():
            prompt = prompts[name]
            own = len((prompt.system + prompt.user).encode()) // 4
            tokens_in += times * (own + text + seen)
            tokens_out += times * prompt.typical_tokens
    n = len(ids) * (4 * attempts + 1) + 2 * min(len(ids), chosen)
    line = f"at most about {n:,} requests, {tokens_in:,} tokens in, {tokens_out:,} out"
    price = recipe.teacher.price
    money = f", {price.of(tokens_in, tokens_out):.2f} of money" if price is not None else ""
    return f"the teacher is asked about {len(ids):,} questions: {line}{money}"


def _report(work: _Work, prompts: dict[str, str], stopped: str) -> DraftReport:
    drafts = Drafts(work.folder, make=True).all()
    graded = work.steps.get("graded")
    holding = (
        sum(bool(row["data"]["holds"]) for row in graded.rows.values() if "data" in row)
        if graded
        else 0
    )
    return DraftReport(
        steps=tuple(work.reports),
        areas=dict(sorted(Counter(draft.area for draft in drafts).items())),
        wanted=work.recipe.quota.n,
        n_drafts=len(drafts),
        n_holding=holding,
        prompts=prompts,
        spent=asdict(work.teacher.ledger.spent()),
        stopped=stopped,
    )


def _rejects(work: _Work) -> Iterable[dict[str, Any]]:
    for name, step in work.steps.items():
        for row in step.rows.values():
            if "filter" in row:
                yield {"step": name, **row}


def _write_origin(recipe: SuiteRecipe, store: PostStore, report: DraftReport, out: Path) -> None:
    """draft.json: where the cases come from; it goes into the manifest of the frozen suite."""
    told = {
        "site": store.site,
        "posts": store.identity,
        "recipe": recipe.content(),
        "prompts": report.prompts,
        "funnel": [asdict(step) for step in report.steps],
    }
    write_atomically(out / ORIGIN, json.dumps(told, indent=1) + "\n")
    write_atomically(out / "recipe.yaml", to_yaml(recipe.model_dump(mode="json")))
