"""One stream of lines out of many: each with the name of the process it comes from, in a colour of its own."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import TextIO

# Readable on black and on white; red stays free for what goes wrong.
COLOURS = (36, 32, 35, 34, 33, 96, 92, 95, 94, 93)
RED, BOLD, DIM = 31, 1, 2
OWN_NAME = "entryway"
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Output:
    """Where lines are merged; colours only for a terminal whose user did not refuse them."""

    def __init__(self, stream: TextIO, environ: Mapping[str, str] = os.environ) -> None:
        self._stream = stream
        # https://no-color.org: any non-empty value counts.
        self.colours = not environ.get("NO_COLOR") and (stream.isatty() or bool(environ.get("FORCE_COLOR")))
        self.when_gone: Callable[[], object] | None = None
        """What to do when nobody reads any more, as in `entryway up | head`."""
        self._names: dict[str, int] = {}
        self._width = len(OWN_NAME)
        self._gone = False

    def announce(self, *names: str) -> None:
        """Make room for these names, so that all lines are aligned from the start."""
        for name in names:
            self._names.setdefault(name, COLOURS[len(self._names) % len(COLOURS)])
            self._width = max(self._width, len(name))

    def line(self, name: str, text: str) -> None:
        """Write one line of a process."""
        self.announce(name)
        text = text if self.colours else _ESCAPES.sub("", text)
        self._write(f"{self._painted(f'{name:<{self._width}} |', self._names[name])} {text}")

    def say(self, text: str) -> None:
        """Write what the landscape itself has to say."""
        for line in text.splitlines() or [""]:
            self._write(f"{self._painted(f'{OWN_NAME:<{self._width}} |', BOLD)} {line}")

    def alarm(self, text: str) -> None:
        """Write what must not be overlooked."""
        for line in text.splitlines():
            self._write(f"{self._painted(f'{OWN_NAME:<{self._width}} |', RED)} {self._painted(line, RED)}")

    def _write(self, line: str) -> None:
        if self._gone:
            return
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            self._gone = True
            if self.when_gone is not None:
                self.when_gone()

    def _painted(self, text: str, colour: int) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self.colours else text
