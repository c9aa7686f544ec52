"""How the environment wants the router's own cookies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from entryway.config.environment_reader import Reader
from entryway.config.js_regex import RegexRefused, compile_js
from entryway.config.js_regex_engines import Pattern
from entryway.config.mistakes import Mistake
from entryway.config.schema import Document

COOKIES = "Cookies environment variable"
COOKIE_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
SESSION_COOKIE = "JSESSIONID"
"""The session cookie's name, unless the configuration has another one."""
PLATFORM_COOKIE = "__VCAP_ID__"
"""What Cloud Foundry calls the cookie that leads to the same instance again."""


class PartitionedDocument(Document):
    supported_partition_agents: str
    unsupported_partition_agents: str


class CookiesDocument(Document):
    same_site: Literal["None", "Lax"] | None = Field(None, alias="SameSite")
    partitioned: PartitionedDocument | None = Field(None, alias="Partitioned")


@dataclass(frozen=True, slots=True)
class PartitionedCookies:
    """Which browsers get cookies with `Partitioned`."""

    supported: Pattern
    unsupported: Pattern


def read_cookies(read: Reader) -> tuple[Literal["None", "Lax"] | None, PartitionedCookies | None]:
    """Return `SameSite` of the router's cookies, and which browsers get `Partitioned`."""
    cookies: CookiesDocument | None = read.document("COOKIES", COOKIES, CookiesDocument)
    return None if cookies is None else cookies.same_site, _partitioned(read, cookies)


def session_cookie_name(read: Reader) -> str:
    """Return the name of the session cookie."""
    return _cookie_name(read, "SESSION_COOKIE_NAME", "sessionCookieName", SESSION_COOKIE)


def platform_cookie_name(read: Reader) -> str:
    """Return the name of the cookie by which the platform leads a browser to the same instance again."""
    return _cookie_name(read, "PLATFORM_COOKIE_NAME", "platformCookieName", PLATFORM_COOKIE)


def _cookie_name(read: Reader, variable: str, place: str, default: str) -> str:
    name = read.environ.get(variable, "") or default
    if not COOKIE_NAME.fullmatch(name):
        read.wrong(place, f'Format validation failed ("{name}" is not a name of a cookie)')
        return default
    return name


def _partitioned(read: Reader, cookies: CookiesDocument | None) -> PartitionedCookies | None:
    if cookies is None or cookies.partitioned is None:
        return None
    both = (cookies.partitioned.supported_partition_agents, cookies.partitioned.unsupported_partition_agents)
    try:
        supported, unsupported = (compile_js(text).pattern for text in both)
    except RegexRefused as error:
        rule = f"Format validation failed (Invalid regular expression: {error})"
        read.mistakes.append(Mistake(COOKIES, "/Partitioned", rule))
        return None
    return PartitionedCookies(supported, unsupported)
