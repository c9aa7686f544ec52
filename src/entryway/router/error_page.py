"""The page that people see when the router cannot give them what they asked for: what happened, what they can do, and
below it what they tell whoever looks after the application.
"""

from __future__ import annotations

import html
from dataclasses import dataclass

from entryway.errors import EntrywayError, UpstreamError
from entryway.http import Request
from entryway.router.address import prefix_of
from entryway.router.error_texts import ADVICE, GERMAN_TITLES, WORDS, Words
from entryway.router.errors import LoginFailed
from entryway.router.on_premise import ConnectionToCompanyFailed
from entryway.web.languages import choose

# Who may frame it, X-Frame-Options says: an application that wants to be framed wants its errors to be seen there.
POLICY = b"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
LANGUAGES = tuple(WORDS)
UNAVAILABLE = frozenset({502, 503, 504})


@dataclass(frozen=True, slots=True)
class Told:
    """What an error is called where it is answered."""

    status: int
    phrase: str
    code: str
    request_id: str


def error_page(request: Request, error: EntrywayError, told: Told) -> bytes:
    """Return the page in the language that the browser asks for."""
    accepted = (request.headers.get(b"accept-language") or b"").decode("latin-1")
    language = choose(accepted, LANGUAGES)
    words = WORDS[language]
    title = GERMAN_TITLES.get(error.title, error.title) if language == "de" else error.title
    paragraphs = [html.escape(text) for text in _sentences(error, told, language, words)]
    link = _link(request, error, told, words)
    return _PAGE.format(
        language=language,
        title=html.escape(title),
        paragraphs="".join(f"<p>{text}</p>\n" for text in [*paragraphs, *link]),
        status_word=words.status,
        code_word=words.code,
        request_word=words.request,
        status=told.status,
        phrase=html.escape(told.phrase),
        code=html.escape(told.code),
        request_id=html.escape(told.request_id),
    ).encode()


def _sentences(error: EntrywayError, told: Told, language: str, words: Words) -> list[str]:
    sentences = [words.behind] if isinstance(error, UpstreamError) else []
    if isinstance(error, ConnectionToCompanyFailed):
        sentences.append(f"{words.origin} {error.hop}")
    advice = ADVICE.get(told.code)
    return [*sentences, advice[language]] if advice is not None else sentences


def _link(request: Request, error: EntrywayError, told: Told, words: Words) -> list[str]:
    start = html.escape(prefix_of(request))
    if isinstance(error, LoginFailed):
        return [f'<a href="{start}/">{words.again}</a>']
    if told.status in UNAVAILABLE and request.method == "GET":
        return [f'<a href="">{words.again}</a>']
    if told.status in {403, 404}:
        return [f'<a href="{start}/">{words.start}</a>']
    return []


_PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">
<style>
:root {{ color-scheme: light dark; --ink: #1d2430; --soft: #5a6472; --ground: #ffffff; --accent: #0b5d8f }}
@media (prefers-color-scheme: dark) {{
  :root {{ --ink: #e8ecf2; --soft: #a9b3c1; --ground: #10151c; --accent: #6cc1f0 }}
}}
body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 0; background: var(--ground); color: var(--ink) }}
main {{ max-width: 36rem; margin: 12vh auto; padding: 0 1.5rem }} h1 {{ font-size: 1.5rem; line-height: 1.25 }}
a {{ color: var(--accent) }} dl {{ margin-top: 2rem; color: var(--soft); font-size: .875rem }}
dt {{ float: left; clear: left; width: 7rem }}
dd {{ margin-left: 7rem; font-family: ui-monospace, monospace; overflow-wrap: anywhere }}
</style></head><body><main>
<h1>{title}</h1>
{paragraphs}<dl><dt>{status_word}</dt><dd>{status} {phrase}</dd><dt>{code_word}</dt><dd>{code}</dd>
<dt>{request_word}</dt><dd>{request_id}</dd></dl>
</main></body></html>
"""
