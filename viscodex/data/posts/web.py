"""One request for a picture: to hosts on a list, to no private address, with limits on everything.

in:  an address that somebody wrote into a post
out: the bytes, as far as they say of themselves that they are a picture; Refused, Later
not covered: whether they are one (fetch.py), remembering (fetch.py)

The name of a host is resolved here and the connection goes to the very address that was looked at,
so that a name cannot stand for another address a moment later. Environment variables with proxies
are not asked. Cookies and referrers are not sent.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
import urllib.robotparser
from collections.abc import Callable, Sequence
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from viscodex import __version__

MAX_BYTES = 10 << 20
MAX_REDIRECTS = 3
ALLOWED_TYPES = ("image/png", "image/jpeg", "image/jpg", "image/gif", "image/webp")
AGENT = f"viscodex/{__version__} (data set of pictures; one request at a time)"
RENAMED = {"i.stack.imgur.com": "i.sstatic.net"}
"""Host of old posts -> where its pictures are today."""
_ROBOTS_BYTES = 512 << 10


class Refused(Exception):
    """It will not do, now or later.

    Attributes:
        reason: "redirect_off_list: ...": a name, then words for a person.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Later(Refused):
    """It may do another time."""


def renamed(url: str) -> str:
    """The address under which a picture is kept today; always https for hosts of the table."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    host = RENAMED.get(parts.hostname or "")
    return url if host is None else urlunsplit(("https", host, parts.path, parts.query, ""))


class Web:
    """Asks politely; not safe to use from several threads.

    Args:
        hosts: names that may be asked, and redirected to.
        delay_s: between two requests to a host; its robots.txt may ask for more.
        timeout_s: of connecting and of each read.
        deadline_s: of a whole request.
        max_bytes: of a picture.
        allow_private: addresses of private networks and other ports, too; for a mirror of one's own.
    """

    def __init__(
        self,
        hosts: Sequence[str],
        *,
        delay_s: float = 1.0,
        timeout_s: float = 15.0,
        deadline_s: float = 60.0,
        max_bytes: int = MAX_BYTES,
        allow_private: bool = False,
    ) -> None:
        self.hosts = frozenset(host.lower() for host in hosts)
        self.delay_s, self.timeout_s, self.deadline_s = delay_s, timeout_s, deadline_s
        self.max_bytes, self.allow_private = max_bytes, allow_private
        self._next: dict[str, float] = {}  # host -> when it may be asked again
        self._robots: dict[str, urllib.robotparser.RobotFileParser] = {}

    def get(self, url: str) -> bytes:
        """The body of a picture.

        Raises:
            Later: 429, 5xx, silence.
            Refused: everything else.
        """
        place = renamed(url)
        for _ in range(MAX_REDIRECTS + 1):
            self._check(place)
            self._ask_robots(place)
            status, headers, body = self._request(place, self.max_bytes, _is_picture)
            if status in (301, 302, 303, 307, 308):
                place = self._redirected(place, headers.get("location", ""))
            elif status == 200:
                return body
            else:
                raise _failure(status)
        raise Refused("too_many_redirects")

    def _check(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise Refused("bad_address") from None
        if parts.scheme not in ("https", "http") or parts.username or parts.password:
            raise Refused("bad_address")
        if (parts.hostname or "").lower() not in self.hosts:
            raise Refused(f"host_not_allowed: {parts.hostname}")
        if port not in (None, 80, 443) and not self.allow_private:
            raise Refused(f"host_not_allowed: port {port}")

    def _redirected(self, place: str, target: str) -> str:
        found = urljoin(place, target)
        if (urlsplit(found).hostname or "").lower() not in self.hosts:
            raise Refused(f"redirect_off_list: {urlsplit(found).hostname}")
        return found

    # .. politeness

    def _ask_robots(self, url: str) -> None:
        parts = urlsplit(url)
        host = f"{parts.scheme}://{parts.netloc}"
        if host not in self._robots:
            rules = urllib.robotparser.RobotFileParser()
            status, _, body = self._request(f"{host}/robots.txt", _ROBOTS_BYTES, lambda kind: True)
            if status >= 500 or status == 429:
                raise _failure(status)
            rules.parse(body.decode(errors="replace").splitlines() if status == 200 else [])
            self._robots[host] = rules
        if not self._robots[host].can_fetch(AGENT, url):
            raise Refused("robots: its robots.txt does not allow it")

    def _wait(self, host: str, netloc: str) -> None:
        rules = next((r for h, r in self._robots.items() if h.endswith(f"//{netloc}")), None)
        asked = rules.crawl_delay(AGENT) if rules is not None else None
        delay = max(self.delay_s, min(float(asked or 0), 60.0))
        left = self._next.get(host, 0.0) - time.monotonic()
        if left > 0:
            time.sleep(left)
        self._next[host] = time.monotonic() + delay

    # .. one request

    def _request(
        self, url: str, most: int, wanted: Callable[[str], bool]
    ) -> tuple[int, dict[str, str], bytes]:
        parts = urlsplit(url)
        host = parts.hostname or ""
        self._wait(host, parts.netloc)
        end = time.monotonic() + self.deadline_s
        port = parts.port or (443 if parts.scheme == "https" else 80)
        path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._") + (
            f"?{quote(parts.query, safe='=&%:@!$()*+,;/?~-._')}" if parts.query else ""
        )
        connection = _Pinned(host, port, self._address(host, port), parts.scheme, self.timeout_s)
        timer = threading.Timer(self.deadline_s, connection.abort)  # of one that drips headers
        timer.start()
        with contextlib.ExitStack() as stack:
            stack.callback(connection.close)
            stack.callback(timer.cancel)
            try:
                connection.request("GET", path, headers={"User-Agent": AGENT, "Accept": "image/*"})
                response = stack.enter_context(contextlib.closing(connection.getresponse()))
                headers = {name.lower(): value for name, value in response.getheaders()}
                if response.status != 200:
                    self._note_pause(host, headers)
                    return response.status, headers, b""
                kind = headers.get("content-type", "").partition(";")[0].strip().lower()
                if not wanted(kind):
                    raise Refused(f"wrong_type: {kind[:60] or 'none'}")
                return 200, headers, self._body(response, headers, most, end)
            except (OSError, http.client.HTTPException) as error:
                raise Later(f"no_reply: {type(error).__name__}: {error}"[:200]) from None

    def _body(
        self, response: http.client.HTTPResponse, headers: dict[str, str], most: int, end: float
    ) -> bytes:
        told = headers.get("content-length", "")
        if told.isdecimal() and int(told) > most:
            raise Refused(f"too_large: {int(told):,} bytes")
        body = bytearray()
        while block := response.read1(64 << 10):
            body += block
            if len(body) > most:
                raise Refused(f"too_large: more than {most:,} bytes")
            if time.monotonic() > end:
                raise Later(f"too_slow: {len(body):,} bytes in {self.deadline_s:.0f} s")
        if time.monotonic() >= end:  # the timer has cut it off: what looks like its end is none
            raise Later(f"too_slow: {len(body):,} bytes in {self.deadline_s:.0f} s")
        if told.isdecimal() and len(body) < int(told):
            raise Later(f"cut_off: {len(body):,} of {int(told):,} bytes")
        return bytes(body)

    def _note_pause(self, host: str, headers: dict[str, str]) -> None:
        asked = headers.get("retry-after", "")
        if asked.isdecimal():
            until = time.monotonic() + min(int(asked), 600)
            self._next[host] = max(self._next.get(host, 0.0), until)

    def _address(self, host: str, port: int) -> str:
        """An address of the host, looked at before anything is sent to it."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise Later(f"no_reply: {error}"[:200]) from None
        addresses = [str(each[4][0]) for each in found]
        if not self.allow_private:
            private = [a for a in addresses if not ipaddress.ip_address(a.split("%")[0]).is_global]
            if private or not addresses:
                raise Refused(f"private_address: {', '.join(private[:3])}")
        return addresses[0]


def _is_picture(kind: str) -> bool:
    return kind in ALLOWED_TYPES


def _failure(status: int) -> Refused:
    if status == 429 or status >= 500:
        return Later(f"busy: status {status}")
    return Refused(f"gone: status {status}" if status in (404, 410) else f"status: {status}")


class _Pinned(http.client.HTTPConnection):
    """A connection to one address, whatever its name stands for by now."""

    def __init__(self, host: str, port: int, address: str, scheme: str, timeout_s: float) -> None:
        super().__init__(host, port, timeout=timeout_s)
        self._to, self._scheme = (address, port), scheme
        self._kept: socket.socket | None = (
            None  # http.client lets go of its own when a reply begins
        )

    def connect(self) -> None:
        """As HTTPConnection, but to the address that was looked at."""
        self.sock = self._kept = socket.create_connection(self._to, self.timeout)
        if self._scheme == "https":
            context = ssl.create_default_context()
            self.sock = self._kept = context.wrap_socket(self.sock, server_hostname=self.host)

    def abort(self) -> None:
        """End the connection from another thread."""
        if self._kept is not None:
            with contextlib.suppress(OSError):
                self._kept.shutdown(socket.SHUT_RDWR)
