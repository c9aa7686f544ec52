from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tiny_application import Application, Up


@pytest.fixture
def application(tmp_path: Path) -> Application:
    folder = tmp_path / "tiny"
    folder.mkdir()
    return Application(folder)


@pytest.fixture
def up(application: Application) -> Iterator[Callable[..., Up]]:
    started: list[Up] = []

    def start(*arguments: str) -> Up:
        started.append(Up(application.folder, *arguments))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.interrupt()
        each.ends()
