"""A real HTTP server that speaks the OpenAI chat protocol and misbehaves as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, str], bytes]
Behaviour = Callable[[dict[str, Any], int], Answer]
"""(body of the request, how many came before it) -> status, headers, body."""

SOON = {"retry-after-ms": "5", "content-type": "application/json"}


def says(
    text: str | None, *, finish: str = "stop", usage: tuple[int, int] | None = (1000, 100)
) -> Answer:
    """A chat completion."""
    body: dict[str, Any] = {
        "id": "c", "object": "chat.completion", "created": 0, "model": "m",
        "choices": [
            {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}}
        ],
    }  # fmt: skip
    if usage:
        body["usage"] = {
            "prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage),
        }  # fmt: skip
    return 200, {"content-type": "application/json"}, json.dumps(body).encode()


def fails(status: int, **error: Any) -> Answer:
    """An error of the API."""
    return status, SOON, json.dumps({"error": {"message": "no", **error}}).encode()


@dataclass
class Chat:
    """A running server: what it does, and what came in."""

    url: str = ""
    behaviour: Behaviour = lambda body, n: says("")
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)  # names in lower case
    lock: threading.Lock = field(default_factory=threading.Lock)

    def replies(self, *answers: Answer) -> None:
        """One after another; the last one again and again."""
        self.behaviour = lambda body, n: answers[min(n, len(answers) - 1)]

    def user_text(self, n: int = -1) -> str:
        """The texts of the user's message of a request."""
        parts = self.requests[n]["messages"][1]["content"]
        return "\n".join(part["text"] for part in parts if part["type"] == "text")


@contextmanager
def chat_server() -> Iterator[Chat]:
    """A server on a free port of this machine."""
    chat = Chat()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            with chat.lock:
                n = len(chat.requests)
                chat.requests.append(body)
                chat.keys.append(self.headers.get("authorization"))
                chat.headers.append({name.lower(): value for name, value in self.headers.items()})
            status, headers, data = chat.behaviour(body, n)
            half = headers.get("x-half")
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(data) + (50 if half else 0)))
            self.end_headers()
            self.wfile.write(data)
            if half:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    chat.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield chat
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
