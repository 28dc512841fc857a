"""Candidates out of a store of posts: popular questions whose pictures are there.

in:  a store that `viscodex data posts` made
out: Candidates; their pictures as PNG in DIR/pictures
not covered: the dump (data/posts/), what a teacher says of a candidate (ask.py)
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from viscodex.data.draft import Unfit
from viscodex.data.posts.html import MARK, BadText, text_of
from viscodex.data.posts.post import link_of
from viscodex.data.posts.store import PostStore, Thread
from viscodex.errors import BadInput
from viscodex.files import write_atomically
from viscodex.images import open_image
from viscodex.suite.candidate import Candidate, numbered
from viscodex.suite.drafts import DraftImage
from viscodex.suite.layout import PICTURES, sha256_of
from viscodex.suite.recipe import PictureRules, PopularRules

FILTERS: dict[str, str] = {
    "not_popular": "The question must have the score and the views that the recipe asks for.",
    "no_licence": "The licence of question and answer must be known.",
    "unreadable_post": "Question and answer must become text.",
    "too_many_pictures": "A case has few pictures.",
    "picture_missing": "All pictures of the question must have been got.",
    "picture_unfit": "Pictures must open, and be neither tiny nor huge.",
    "picture_answer": "The accepted answer must say something in words or code.",
}
"""Reason for which a question is no candidate -> what is looked for."""

LEAST_ANSWER = 40  # characters


def candidate_of(thread: Thread, site: str) -> Candidate:
    """A thread as a candidate.

    Raises:
        Unfit: unreadable_post, no_licence, picture_answer.
    """
    question, answer = thread.question, thread.answer
    if not question.licence or not answer.licence:
        raise Unfit("no_licence", "a post of a day that is not known")
    try:
        asked, accepted = text_of(question.body, question.tags), text_of(answer.body, question.tags)
    except BadText as error:
        raise Unfit("unreadable_post", str(error)) from None
    said = accepted.markdown.replace(MARK, "").strip()
    if len(said) < LEAST_ANSWER:
        raise Unfit("picture_answer", f"{len(said)} characters beside its pictures")
    return Candidate(
        id=f"q{question.id}",
        title=question.title,
        question=numbered(asked.markdown, MARK),
        accepted=said,
        tags=question.tags,
        score=question.score,
        views=question.views,
        urls=tuple(link.url for link in asked.pictures),
        source=_source(thread, site),
    )


def _source(thread: Thread, site: str) -> dict[str, Any]:
    """Who wrote what, as CC BY-SA wants it named."""
    posts = []
    for post, author in zip((thread.question, thread.answer), thread.authors, strict=True):
        row = {"url": link_of(post.id, post.kind, site), "licence": post.licence}
        posts.append({**row, "author": author} if author else row)
    licences = sorted({post["licence"] for post in posts})
    return {"url": posts[0]["url"], "licence": licences[-1], "paraphrased": True, "posts": posts}


def check_popular(thread: Thread, rules: PopularRules) -> None:
    """Whether a question is popular enough.

    Raises:
        Unfit: not_popular.
    """
    question = thread.question
    if question.score < rules.min_score or question.views < rules.min_views:
        numbers = {"score": question.score, "views": question.views}
        raise Unfit("not_popular", f"score {question.score}, {question.views} views", numbers)


def save_pictures(
    candidate: Candidate, store: PostStore, folder: Path, rules: PictureRules
) -> tuple[DraftImage, ...]:
    """The pictures of a candidate: decoded, written again as PNG below the folder of the drafts.

    Raises:
        Unfit: too_many_pictures, picture_missing, picture_unfit.
    """
    if not 1 <= len(candidate.urls) <= rules.most:
        raise Unfit("too_many_pictures", f"{len(candidate.urls)} pictures")
    made = []
    for number, url in enumerate(candidate.urls, 1):
        path = store.picture(url)
        if path is None or not path.is_file():
            raise Unfit("picture_missing", url[:200])
        try:
            picture = open_image(path.read_bytes(), max_pixels=rules.max_pixels)
        except BadInput as error:
            raise Unfit("picture_unfit", f"{error.what}: {error.where}"[:200]) from None
        if min(picture.size) < rules.min_side:
            raise Unfit("picture_unfit", f"{picture.width} x {picture.height} pixels")
        stream = io.BytesIO()
        picture.save(stream, "PNG", optimize=True)
        made.append((f"{PICTURES}/{candidate.id}-{number}.png", stream.getvalue(), picture.size))
    (folder / PICTURES).mkdir(parents=True, exist_ok=True)
    for name, data, _ in made:
        write_atomically(folder / name, data)
    return tuple(DraftImage(name, sha256_of(data), *size) for name, data, size in made)
