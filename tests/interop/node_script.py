"""Scripts of third-party npm packages, which print JSON lines and may ask the test for something in between."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Said = dict[str, Any]


def converse(
    script: Path, settings: dict[str, Any], ca_file: Path, reply: Callable[[Said], str | None]
) -> dict[str, Any]:
    """Run a script to its end and return what it said; where `reply` has an answer to a line, hand it in."""
    said: dict[str, Any] = {}
    with _started(script, settings, ca_file) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stdout:
            told: Said = json.loads(line)
            said |= told
            if (answer := reply(told)) is not None:
                process.stdin.write(f"{answer}\n")
                process.stdin.flush()
        complaint = process.stderr.read()
    assert process.returncode == 0, complaint
    return said


@contextmanager
def running(script: Path, settings: dict[str, Any], ca_file: Path, log: Path) -> Iterator[None]:
    """Run a script that is a server, from the line that says that it listens."""
    with log.open("w") as errors, _started(script, settings, ca_file, errors) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "listening\n", log.read_text()
            yield
        finally:
            process.terminate()


def _started(
    script: Path, settings: dict[str, Any], ca_file: Path, errors: Any = subprocess.PIPE
) -> subprocess.Popen[str]:
    node = shutil.which("node")
    assert node, "node is missing: `make interop` installs it"
    return subprocess.Popen(
        [node, script.name, json.dumps(settings)],
        cwd=script.parent,
        env={"PATH": os.environ["PATH"], "NODE_EXTRA_CA_CERTS": str(ca_file)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
    )
