"""The review page: an expert edits, tries, accepts and rejects draft cases.

in:  a folder of drafts; a port; a judge, where there is one to ask
out: the page and its API on this machine alone; every decision in the folder at once
not covered: what a change is and how two are kept apart (drafts.py); the page itself (page/)

    GET  /                        the page; /?key=KEY first, which leaves a cookie
    GET  /api/cases               what there is; /api/cases/ID one draft; .../history its revisions
    PUT  /api/cases/ID            {revision, reviewer, changes}: 200, 409 with what is there now, 422
    POST /api/cases/ID/trial      {changes, own}: the verdicts on reference, wrong, empty, own
    POST /api/cases/ID/judge      {changes, answer}: what the judge says of it
    GET  /picture/ID/N            its picture, decoded and encoded again

The drafts hold text of strangers and of models: it travels as JSON, becomes text nodes and values of
fields and never HTML, under a policy that runs no script but the page's own. A request must come
from this page: named host, key, origin and content type are looked at.
"""

from __future__ import annotations

import hmac
import io
import json
import secrets
import threading
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from viscodex.errors import BadInput, ViscodexError
from viscodex.images import open_image
from viscodex.suite.assess import Assessor, Refused
from viscodex.suite.drafts import Conflict, DraftCase, Drafts, public
from viscodex.tasks.cases import AREAS, TYPES
from viscodex.tasks.task import Judge

HOST = "127.0.0.1"
COOKIE = "viscodex-review"
MAX_BODY = 4_000_000  # bytes of a request
FILES = {
    "": ("review.html", "text/html"),
    "review.js": ("review.js", "text/javascript"),
    "review.css": ("review.css", "text/css"),
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Reviewer(ThreadingHTTPServer):
    """The server; call serve_forever(), and shutdown() from another thread.

    Args:
        folder: of the drafts.
        port: 0 takes any free one.
        judge: asked when the expert wishes so; None: marks are the expert's own.
        where: seconds, tier, allow_unsafe of the unit tests.

    Raises:
        BadDataset: the folder holds no drafts.
        OSError: the port is taken.
    """

    daemon_threads = True

    def __init__(
        self, folder: Path, port: int = 0, *, judge: Judge | None = None, **where: Any
    ) -> None:
        self.drafts = Drafts(folder)
        self.assessor = Assessor(folder, judge, where)
        self.key = secrets.token_urlsafe(24)
        self.trials = threading.Semaphore(2)  # sandboxes at once
        super().__init__((HOST, port), _Handler)

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"{self.origin}/?key={self.key}"

    @property
    def origin(self) -> str:
        """Of the page, as browsers name it."""
        return f"http://{HOST}:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Reviewer
    server_version, sys_version = "viscodex", ""
    timeout = 60  # seconds for one request to come in

    def do_GET(self) -> None:
        """Answer one request for something."""
        self._answer(self._get)

    def do_PUT(self) -> None:
        """Answer one change."""
        self._answer(self._put)

    def do_POST(self) -> None:
        """Answer one trial."""
        self._answer(self._post)

    # .. routes

    def _get(self, path: list[str]) -> None:
        drafts = self.server.drafts
        match path:
            case [name] if name in FILES:
                file, kind = FILES[name]
                self._send((files("viscodex.suite") / "page" / file).read_bytes(), kind)
            case ["api", "cases"]:
                self._json(_overview(self.server))
            case ["api", "cases", key]:
                self._json(public(drafts.read(key)))
            case ["api", "cases", key, "history"]:
                self._json([public(draft) for draft in drafts.history(key)])
            case ["picture", key, number] if number.isdecimal():
                self._send(_picture(drafts, key, int(number)), "image/png")
            case _:
                self._fail(HTTPStatus.NOT_FOUND)

    def _put(self, path: list[str]) -> None:
        if len(path) != 3 or path[:2] != ["api", "cases"]:
            return self._fail(HTTPStatus.NOT_FOUND)
        asked, key = self._body(), path[2]
        revision, reviewer = asked.get("revision"), asked.get("reviewer")
        if not isinstance(revision, int) or not isinstance(reviewer, str):
            raise ValueError("revision and reviewer are needed")
        if not reviewer.strip() or len(reviewer) > 100:
            raise ValueError("reviewer: a name of at most 100 characters")
        with self.server.trials:
            changes = self.server.assessor.prepared(
                self.server.drafts.read(key), revision, reviewer.strip(), _changes(asked)
            )
        self._json(public(self.server.drafts.change(key, revision, reviewer.strip(), changes)))
        return None

    def _post(self, path: list[str]) -> None:
        match path:
            case ["api", "cases", key, "trial"]:
                asked = self._body()
                own = asked.get("own", "")
                draft = self.server.drafts.read(key)
                with self.server.trials:
                    self._json(
                        self.server.assessor.trial(
                            draft, _changes(asked), own if isinstance(own, str) else ""
                        )
                    )
            case ["api", "cases", key, "judge"]:
                asked = self._body()
                draft = self.server.drafts.read(key)
                self._json(
                    self.server.assessor.asked(draft, _changes(asked), str(asked.get("answer")))
                )
            case _:
                self._fail(HTTPStatus.NOT_FOUND)

    # .. requests

    def _answer(self, route: Any) -> None:
        url = urlsplit(self.path)
        path = url.path.strip("/").split("/")
        try:
            if not self._is_ours():
                self._fail(HTTPStatus.FORBIDDEN)
            elif self.command == "GET" and path == [""] and "key" in parse_qs(url.query):
                self._enter(parse_qs(url.query)["key"][-1])
            elif not self._has_key():
                text = "Open the address that the command printed: it holds the key."
                self._send(text.encode(), "text/plain", HTTPStatus.UNAUTHORIZED)
            else:
                route(path)
        except Refused as error:
            self._json({"problems": error.problems, "verdicts": error.verdicts}, 422)
        except Conflict as error:
            self._json({"problems": [str(error)], "current": public(error.current)}, 409)
        except KeyError as error:
            self._json({"problems": [f"there is no case {error.args[0]}"]}, 404)
        except ValueError as error:
            self._json({"problems": [" ".join(str(error).split())[:500]]}, 422)
        except ViscodexError as error:
            self._json({"problems": [str(error)]}, 500)
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            pass  # the reader left

    def _is_ours(self) -> bool:
        """By name of the host and, for what changes something, by the origin of the page."""
        host = self.headers.get("Host", "")
        names = {f"{name}:{self.server.server_address[1]}" for name in (HOST, "localhost")}
        if host not in names:  # a page elsewhere that made its name point here
            return False
        if self.command == "GET":
            return True
        kind = self.headers.get("Content-Type", "").partition(";")[0].strip()
        origin = self.headers.get("Origin", f"http://{host}")
        return kind == "application/json" and origin == f"http://{host}"

    def _has_key(self) -> bool:
        try:
            morsel = SimpleCookie(self.headers.get("Cookie", "")).get(self._cookie())
        except CookieError:
            return False
        return morsel is not None and self._is_key(morsel.value)

    def _is_key(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self.server.key.encode())

    def _cookie(self) -> str:
        return f"{COOKIE}-{self.server.server_address[1]}"  # cookies do not tell ports apart

    def _enter(self, key: str) -> None:
        """Trade the key of the address for a cookie, so that it stays in no history."""
        if not self._is_key(key):
            return self._fail(HTTPStatus.FORBIDDEN)
        self.send_response(HTTPStatus.SEE_OTHER)
        self.send_header("Location", "/")
        self.send_header(
            "Set-Cookie", f"{self._cookie()}={self.server.key}; Path=/; HttpOnly; SameSite=Strict"
        )
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Content-Length", "0")
        self.end_headers()
        return None

    def _body(self) -> dict[str, Any]:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_BODY:
            raise ValueError(f"a body of at most {MAX_BODY:,} bytes is needed")
        try:
            data = json.loads(self.rfile.read(int(length)))
        except RecursionError:
            raise ValueError("the body is nested too deeply") from None
        if not isinstance(data, dict):
            raise ValueError("the body is no JSON object")
        return data

    # .. replies

    def _json(self, data: Any, status: int = 200) -> None:
        text = json.dumps(data, ensure_ascii=False).encode("utf-8", "replace")
        self._send(text, "application/json", HTTPStatus(status))

    def _fail(self, status: HTTPStatus) -> None:
        self._json({"problems": [status.phrase]}, status)

    def _send(self, data: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        charset = "" if kind.startswith("image/") else "; charset=utf-8"
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}{charset}")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("X-Frame-Options", "DENY")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Keep silent."""


def _changes(asked: dict[str, Any]) -> dict[str, Any]:
    changes = asked.get("changes", {})
    if not isinstance(changes, dict):
        raise ValueError("changes: an object is needed")
    return changes


def _overview(server: Reviewer) -> dict[str, Any]:
    rows = []
    for draft in server.drafts.all():
        row = {name: getattr(draft, name) for name in ("id", "area", "lang", "status", "revision")}
        rows.append({**row, "reviewer": draft.reviewer, "prompt": _first_line(draft)})
    return {
        "folder": server.drafts.folder.name,
        "cases": rows,
        "areas": AREAS,
        "types": ("", *TYPES),
        "judge": server.assessor.judge_name,
    }


def _first_line(draft: DraftCase) -> str:
    return next((line.strip()[:120] for line in draft.prompt.splitlines() if line.strip()), "")


def _picture(drafts: Drafts, key: str, number: int) -> bytes:
    images = drafts.read(key).images
    if number >= len(images):
        raise KeyError(f"{key}, picture {number}")
    path = (drafts.folder / images[number].path).resolve()
    if not path.is_relative_to(drafts.folder.resolve()):
        raise KeyError(images[number].path)
    try:
        picture = open_image(path.read_bytes(), where=path.name)
    except OSError as error:
        raise BadInput("a picture cannot be read", images[number].path, str(error)) from error
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()
