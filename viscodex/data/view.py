"""A page over all samples and rejects of a data set, served to this machine alone.

in:  a Dataset; a port
out: pages of twenty samples, chosen by category, task, kind and id; nothing is ever written
not covered: the galleries, which are files (gallery.py)

Bound to 127.0.0.1, and deaf to requests that name another host. The samples are hostile: the pages
are those of the galleries, pictures are decoded and encoded again.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from viscodex.data.dataset import Dataset
from viscodex.data.gallery import article_of, card_of_reject, card_of_sample
from viscodex.data.store import Rejects
from viscodex.errors import ViscodexError
from viscodex.images import open_image
from viscodex.web import ZOOM, page_of, plain

PAGE_ROWS = 20
HOST = "127.0.0.1"
Labels = tuple[str, ...]


class Viewer(ThreadingHTTPServer):
    """The server; call serve_forever(), and shutdown() from another thread.

    Args:
        port: 0 takes any free one.

    Raises:
        OSError: the port is taken.
        BadDataset: a shard is damaged.
    """

    daemon_threads = True

    def __init__(self, dataset: Dataset, port: int = 0) -> None:
        self.samples, self.rejects = dataset, Rejects(dataset.folder)
        known: dict[Labels, Labels] = {}  # a data set has few kinds: hold each once
        self.labels = [
            known.setdefault(labels, labels)
            for labels in ((row.category, row.task, row.kind) for row in dataset.rows())
        ]
        super().__init__((HOST, port), _Handler)

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"http://{HOST}:{self.server_address[1]}/"


class _Handler(BaseHTTPRequestHandler):
    server: Viewer
    server_version, sys_version = "viscodex", ""

    def do_GET(self) -> None:
        """Answer one request."""
        host = urlsplit(f"//{self.headers.get('Host', '')}").hostname
        if host not in (HOST, "localhost"):  # a page elsewhere that made its name point here
            return self._fail(HTTPStatus.FORBIDDEN)
        url = urlsplit(self.path)
        asked = {key: values[-1] for key, values in parse_qs(url.query).items()}
        try:
            match url.path.strip("/").split("/"):
                case [""]:
                    self._send(_samples_page(self.server, asked).encode(), "text/html")
                case ["rejects"]:
                    self._send(_rejects_page(self.server, asked).encode(), "text/html")
                case ["picture", index, place]:
                    sample = self.server.samples[int(index)]
                    self._send(_as_png(sample.images[int(place)]), "image/png")
                case ["rejected", index]:
                    picture = self.server.rejects[int(index)].image
                    self._send(_as_png(picture or b""), "image/png")
                case _:
                    self._fail(HTTPStatus.NOT_FOUND)
        except (ValueError, IndexError):
            self._fail(HTTPStatus.NOT_FOUND)
        except ViscodexError as error:
            self._send(str(error).encode(errors="replace"), "text/plain", 500)

    def _send(self, body: bytes, kind: str, status: int = 200) -> None:
        self.send_response(status)
        text = "; charset=utf-8" if kind.startswith("text/") else ""
        self.send_header("Content-Type", f"{kind}{text}")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def _fail(self, status: HTTPStatus) -> None:
        self._send(f"{status.value} {status.phrase}\n".encode(), "text/plain", status.value)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def _as_png(picture: bytes) -> bytes:
    stream = io.BytesIO()
    open_image(picture).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


# --- pages ----------------------------------------------------------------------------------------


def _samples_page(server: Viewer, asked: dict[str, str]) -> str:
    names = ("category", "task", "kind")
    places = _chosen(server.labels, names, asked)
    if text := asked.get("id", ""):
        ids = [row.id for row in server.samples.rows()]
        places = [place for place in places if text in ids[place]]
    shown, pager = _page("/", places, asked)
    articles = []
    for index in shown:
        sample = server.samples[index]
        pictures = [f"/picture/{index}/{place}" for place in range(len(sample.images))]
        articles.append(article_of(card_of_sample(sample, pictures)))
    controls = _form("/", server.labels, names, asked, with_id=True)
    link = f'<a href="/rejects">{len(server.rejects):,} rejects</a>'
    lead = f"{len(places):,} of {len(server.samples):,}"
    body = "".join(articles) or "<p>There are none.</p>"
    return page_of(
        "Samples", lead, f"{controls}{pager}{link}", f"{body}{_foot(pager)}", script=ZOOM
    )


def _rejects_page(server: Viewer, asked: dict[str, str]) -> str:
    names = ("filter", "category", "kind")
    places = _chosen(server.rejects.labels, names, asked)
    shown, pager = _page("/rejects", places, asked)
    articles = []
    for index in shown:
        reject = server.rejects[index]
        pictures = [f"/rejected/{index}"] if reject.image else []
        articles.append(article_of(card_of_reject(reject, pictures)))
    controls = _form("/rejects", server.rejects.labels, names, asked, with_id=False)
    link = f'<a href="/">{len(server.samples):,} samples</a>'
    lead = f"{len(places):,} of {len(server.rejects):,}"
    body = "".join(articles) or "<p>There are none.</p>"
    return page_of(
        "Rejects", lead, f"{controls}{pager}{link}", f"{body}{_foot(pager)}", script=ZOOM
    )


def _foot(pager: str) -> str:
    return f"<nav>{pager}</nav>" if pager else ""


def _chosen(labels: Sequence[Labels], names: Sequence[str], asked: dict[str, str]) -> list[int]:
    """Places whose labels are as asked."""
    wanted = [(n, asked[name]) for n, name in enumerate(names) if asked.get(name)]
    return [
        place for place, label in enumerate(labels) if all(label[n] == value for n, value in wanted)
    ]


def _page(path: str, places: list[int], asked: dict[str, str]) -> tuple[list[int], str]:
    """The places of the page that is asked for, and links to its neighbours."""
    last = max(0, -(-len(places) // PAGE_ROWS) - 1)
    page = min(max(int(asked.get("page", "1")) - 1, 0), last)

    def link(number: int, words: str) -> str:
        query = urlencode({**asked, "page": str(number + 1)})
        return f'<a href="{plain(f"{path}?{query}")}">{words}</a>'

    parts = [
        link(page - 1, "\u2190 previous") if page else "",
        f"<span>page {page + 1:,} of {last + 1:,}</span>",
        link(page + 1, "next \u2192") if page < last else "",
    ]
    return places[page * PAGE_ROWS : (page + 1) * PAGE_ROWS], "".join(parts)


def _form(
    path: str,
    labels: Sequence[Labels],
    names: Sequence[str],
    asked: dict[str, str],
    *,
    with_id: bool,
) -> str:
    menus = []
    for n, name in enumerate(names):
        counts = Counter(label[n] for label in labels)
        options = [
            f'<option value="{plain(value)}"{" selected" if asked.get(name) == value else ""}>'
            f"{plain(value)} ({count:,})</option>"
            for value, count in sorted(counts.items())
            if value
        ]
        menus.append(
            f'<label>{name} <select name="{name}"><option value="">all</option>'
            f"{''.join(options)}</select></label>"
        )
    if with_id:
        given = plain(asked.get("id", ""))
        menus.append(f'<label>id <input type="search" name="id" value="{given}"></label>')
    return f'<form action="{path}">{"".join(menus)}<button>show</button></form>'
