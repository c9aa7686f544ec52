"""One line of JSON for each request: what was asked, what came of it, who asked. Never a query, a token or a cookie."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import BinaryIO, Final

FLUSH_SECONDS: Final = 0.1
FLUSH_BYTES: Final = 64 * 1024

MOST_SENDERS: Final = 2000
MOST_WAYS: Final = 2000

_quote: Final = json.encoder.encode_basestring_ascii  # the C function behind json.dumps
# Formatting numbers would cost more than everything else in a line: usual ones are formatted before they come.
_DURATIONS: Final = tuple([f"{n // 100}.{n % 100:02d}" for n in range(5000)])
_MILLISECONDS: Final = tuple([f".{n:03d}Z" for n in range(1000)])
_LONGEST_USUAL: Final = len(_DURATIONS)
_CODES: Final = {status: f',"status":{status},"ms":' for status in range(100, 600)}
_METHODS: Final = {name: f'","event":"request","method":"{name}","path":' for name in ("GET", "POST", "PUT", "DELETE")}


class AccessLog:
    """Collects lines and writes them many at a time; `clock` is the wall clock."""

    def __init__(self, out: BinaryIO, clock: Callable[[], float] = time.time) -> None:
        self._out = out
        self._clock = clock
        self._lines: list[str] = []
        self._size = 0
        self._timer: asyncio.TimerHandle | None = None
        self._now = self._second = -1
        self._stamp = self._second_stamp = ""
        self._senders: dict[str, str] = {}
        self._ways: dict[tuple[str, str], str] = {}

    def write(
        self,
        method: str,
        path: str,
        status: int,
        seconds: float,
        request_id: str,
        *,
        client: str,
        told: str = "",
        route: str = "",
        destination: str = "",
        backend: float = 0.0,
        tokens: float = 0.0,
        error: str = "",
    ) -> None:
        """Note one request; of its `seconds`, some were spent with the backend and some with token services.

        `told` is what `told_of` makes of its user.
        """
        asked = _METHODS.get(method) or f'","event":"request","method":{_quote(method)},"path":'
        # Compiled, joining what is known to be text is cheap, and formatting what may be anything is not.
        stamp, duration = self._time(), _milliseconds(seconds)
        code = _CODES.get(status) or f',"status":{status},"ms":'
        quoted_path: str = _quote(path)
        quoted_id: str = _quote(request_id)
        sender: str = self._senders.get(client) or self._sender(client)
        way: str = self._ways.get((route, destination)) or self._way(route, destination)
        shares = ""
        if destination:
            own = _milliseconds(seconds - backend - tokens)
            waited, logging_on = _milliseconds(backend), _milliseconds(tokens)
            shares = f',"router_ms":{own},"backend_ms":{waited},"token_ms":{logging_on}'
        line = f'{stamp}{asked}{quoted_path}{code}{duration},"request_id":{quoted_id}{sender}{told}{way}{shares}'
        if error:
            line += f',"error":{_quote(error)}'
        self._lines.append(line)
        self._size += len(line)
        if self._size >= FLUSH_BYTES:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)

    def _sender(self, client: str) -> str:
        """Return the member that names the client, ready to be written again."""
        if len(self._senders) >= MOST_SENDERS:
            self._senders.clear()
        sender = self._senders[client] = f',"client":{_quote(client)}'
        return sender

    def _way(self, route: str, destination: str) -> str:
        """Return the members that name where requests went, ready to be written again."""
        way = _member("route", route) + _member("destination", destination)
        if len(self._ways) >= MOST_WAYS:
            self._ways.clear()
        self._ways[route, destination] = way
        return way

    def flush(self) -> None:
        """Write what was collected."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        lines, self._lines, self._size = self._lines, [], 0
        if lines:
            self._out.write(("}\n".join(lines) + "}\n").encode())
            self._out.flush()

    def _time(self) -> str:
        """Return how a line begins: the time to the millisecond; a busy router needs the same one many times."""
        now = int(self._clock() * 1000)
        if now != self._now:
            self._now = now
            second = now // 1000
            if second != self._second:
                self._second = second
                self._second_stamp = time.strftime('{"time":"%Y-%m-%dT%H:%M:%S', time.gmtime(second))
            self._stamp = self._second_stamp + _MILLISECONDS[now % 1000]
        return self._stamp


def told_of(user: str, tenant: str) -> str:
    """Return what lines say of a user: the members of an object, each with a comma before it."""
    return _member("user", user) + _member("tenant", tenant)


def _member(name: str, value: str) -> str:
    return f',"{name}":{_quote(value)}' if value else ""


def _milliseconds(seconds: float) -> str:
    """Return a duration in milliseconds with two decimals."""
    hundredths = int(seconds * 100_000 + 0.5) if seconds > 0 else 0
    if hundredths < _LONGEST_USUAL:
        return _DURATIONS[hundredths]
    return f"{hundredths // 100}.{hundredths % 100:02d}"
