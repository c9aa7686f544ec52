"""Headless Chromium that trusts the landscape's certificate authority as a person's browser would: by its store."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

REPOSITORY = Path(__file__).parents[2]
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",  # tests may run as root, as whom Chromium has no sandbox
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def install() -> None:
    """Install what is missing, or fail and say how: a browser test never passes without a browser."""
    done = subprocess.run(
        [REPOSITORY / "scripts" / "system-packages", "chromium", "certutil"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0 or not Path(CHROMIUM).exists():
        pytest.fail(f"the browser tests need Chromium and certutil:\n{done.stdout}{done.stderr}")


def home_that_trusts(ca: Path, home: Path) -> Path:
    """Return a home folder whose certificate store holds one authority more than none."""
    store = home / ".pki" / "nssdb"
    store.mkdir(parents=True)
    for command in (["-N", "--empty-password"], ["-A", "-n", "landscape", "-t", "C,,", "-i", str(ca)]):
        subprocess.run(["certutil", "-d", f"sql:{store}", *command], check=True, capture_output=True)
    return home


@asynccontextmanager
async def started(home: Path) -> AsyncIterator[Browser]:
    environment: dict[str, str | float | bool] = {"HOME": str(home), "PATH": "/usr/bin:/bin", "LANG": "en_US.UTF-8"}
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, env=environment)
        try:
            yield browser
        finally:
            await browser.close()
