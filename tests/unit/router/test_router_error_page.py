"""The page of an error: its language, what it advises, and what of a request may stand in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import entryway.router.build  # noqa: F401 - with it, every error is defined
from entryway.errors import ConfigurationError, EntrywayError, UpstreamError
from entryway.http import Body, Headers, Peer, Request
from entryway.router.error_page import Told, error_page
from entryway.router.error_texts import ADVICE, GERMAN_TITLES, WORDS
from entryway.router.errors import InsufficientScope, LoginDenied


def page(error: EntrywayError, language: str = "", target: str = "/a") -> str:
    headers = Headers([(b"accept", b"text/html"), (b"accept-language", language.encode())])
    request = Request("GET", target, headers, Body.of(b""), Peer("h", 1))
    return error_page(request, error, Told(error.status, "Phrase", error.code, "r1")).decode()


def errors(kind: type[EntrywayError] = EntrywayError) -> Iterator[type[EntrywayError]]:
    """Yield the errors that people may be shown; the configuration's mistakes are told at start."""
    if kind.__module__.startswith(("entryway.router", "entryway.errors", "entryway.http")):
        yield kind
    for inner in kind.__subclasses__():
        if inner is not ConfigurationError:
            yield from errors(inner)


def test_every_title_is_there_in_german() -> None:
    titles = {error.title for error in errors()}
    assert titles - set(GERMAN_TITLES) == set()


def test_every_advice_is_for_an_error_and_in_every_language() -> None:
    codes = {error.code for error in errors()}
    assert set(ADVICE) <= codes
    assert {tuple(advice) for advice in ADVICE.values()} == {tuple(WORDS)}


@pytest.mark.parametrize(
    ("asked", "language", "title"),
    [
        ("", "en", "You do not have the permission that this needs"),
        ("fr", "en", "You do not have the permission that this needs"),
        ("de-AT,de;q=0.9,en;q=0.5", "de", "Dafür fehlt Ihnen die Berechtigung"),
        ("de;q=0.1,en", "en", "You do not have the permission that this needs"),
        ("de;q=x,\xff,;;=", "en", "You do not have the permission that this needs"),
    ],
)
def test_it_speaks_the_language_that_the_browser_asks_for(asked: str, language: str, title: str) -> None:
    written = page(InsufficientScope("x"), asked)
    assert f'<html lang="{language}">' in written
    assert f"<h1>{title}</h1>" in written
    assert ADVICE["insufficient_scope"][language] in written


def test_it_has_a_main_part_and_a_way_on() -> None:
    assert "<body><main>" in page(InsufficientScope("x"))
    assert '<a href="/">To the start page</a>' in page(InsufficientScope("x"))
    assert '<a href="/">Noch einmal versuchen</a>' in page(LoginDenied("x"), "de")
    assert '<a href="">Try again</a>' in page(UpstreamError("origin", "x"))


def test_details_are_for_the_log_alone() -> None:
    assert "inside" not in page(UpstreamError("https://inside.example", "inside"))
