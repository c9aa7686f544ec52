"""What identity providers publish is fetched: when they are trusted, when an administrator asks, and every day."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from admin_client import Administrator, administrator
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from typer.testing import CliRunner

from entryway.authserver.trust.refreshing import TrustRefresh
from entryway.cli import app as command_line
from entryway.testing.authority import TestAuthority
from entryway.testing.authserver import RunningAuthServer, running_authserver
from entryway.testing.saml_provider import ENTITY_ID, key_of, metadata_of
from entryway.testing.serving import served

PROVIDERS = "/sap/rest/identity-providers"
RUNNING_SINCE = datetime(2026, 1, 1, tzinfo=UTC)
VERSION_3 = b"\xa0\x03\x02\x01\x02"


def of_version_10(metadata: str) -> str:
    """Return metadata with a certificate of a version that does not exist."""
    der = key_of("company").certificate.public_bytes(Encoding.DER)
    odd = der.replace(VERSION_3, VERSION_3[:-1] + b"\x09", 1)
    return metadata.replace(base64.b64encode(der).decode(), base64.b64encode(odd).decode())


@dataclass
class Published:
    """The web server of a company: what stands at which path."""

    url: str = ""
    documents: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def build(self, url: str) -> Starlette:
        self.url = url

        async def answer(request: Request) -> Response:
            self.asked.append(request.url.path)
            found = self.documents.get(request.url.path)
            return Response(found, 404 if found is None else 200)

        return Starlette(routes=[Route("/{path:path}", answer)])

    def discovery(self, path: str, issuer: str) -> None:
        document = {
            "issuer": f"{self.url}{issuer}",
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
        }
        self.documents[f"{path}/.well-known/openid-configuration"] = json.dumps(document)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Published, TestAuthority]]:
    authority, published = TestAuthority.create(tmp_path_factory.mktemp("company")), Published()
    with served(published.build, authority):
        yield published, authority


@pytest.fixture(scope="module")
def server(
    company: tuple[Published, TestAuthority], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningAuthServer]:
    of_landscape = (f"{company[0].url}/ours", f"{company[0].url}/switched-off")
    with running_authserver(
        tmp_path_factory.mktemp("refreshing"), ca_file=company[1].ca_file, identity_providers=of_landscape
    ) as running:
        yield running


@pytest.fixture(scope="module")
def admin(server: RunningAuthServer) -> Administrator:
    return administrator(server)


@pytest.fixture
def published(company: tuple[Published, TestAuthority]) -> Published:
    company[0].documents.clear()
    company[0].asked.clear()
    return company[0]


def trust(admin: Administrator, origin: str, kind: str = "saml2.0", **config: Any) -> httpx.Response:
    body = {"type": kind, "originKey": origin, "name": origin, "config": config}
    return admin.anywhere("POST", PROVIDERS, body)


def refresh(admin: Administrator, origin: str) -> httpx.Response:
    return admin.anywhere("POST", f"{PROVIDERS}/{origin}/refresh")


def stored(admin: Administrator, origin: str) -> dict[str, Any]:
    config: dict[str, Any] = admin.anywhere("GET", f"{PROVIDERS}/{origin}").json()["config"]
    return config


def test_metadata_comes_from_its_address_and_is_fetched_again(admin: Administrator, published: Published) -> None:
    published.documents["/idp.xml"] = old = metadata_of(ENTITY_ID, key_of("company"))
    answer = trust(admin, "fetched", metadata_url=f"{published.url}/idp.xml")
    assert answer.status_code == 201, answer.text
    assert answer.json()["config"] == {"metadata": old, "metadata_url": f"{published.url}/idp.xml"}

    published.documents["/idp.xml"] = new = metadata_of(ENTITY_ID, key_of("company of tomorrow"))
    # A change of something else does not fetch.
    admin.anywhere("PATCH", f"{PROVIDERS}/fetched", {"linkText": "Company"})
    assert stored(admin, "fetched")["metadata"] == old

    answer = refresh(admin, "fetched")

    assert (answer.status_code, answer.json()["config"]["metadata"]) == (200, new)
    assert published.asked == ["/idp.xml", "/idp.xml"]


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (None, "answered 404"),
        ("this is no metadata", "/config/metadata"),
        (metadata_of("https://somebody.else.example", key_of("company")), "another provider"),
        (of_version_10(metadata_of(ENTITY_ID, key_of("company"))), "certificate"),
    ],
)
def test_what_is_not_metadata_of_this_provider_changes_nothing(
    admin: Administrator, published: Published, now: str | None, reason: str
) -> None:
    published.documents["/idp.xml"] = good = metadata_of(ENTITY_ID, key_of("company"))
    trust(admin, "careful", metadata_url=f"{published.url}/idp.xml")
    del published.documents["/idp.xml"]
    if now is not None:
        published.documents["/idp.xml"] = now

    answer = refresh(admin, "careful")

    assert (answer.status_code, answer.json()["code"]) == (400, "trust_invalid")
    assert reason in answer.json()["detail"]
    assert stored(admin, "careful")["metadata"] == good


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://plain.example/idp.xml", "metadata_url"),
        ("https://user:password@idp.example/idp.xml", "metadata_url"),
        ("file:///etc/passwd", "metadata_url"),
        ("https://localhost:1/idp.xml", "metadata_url"),
        ("https://169.254.169.254/idp.xml", "metadata_url: https://169.254.169.254: its address is none"),
        ("", "metadata"),
    ],
)
def test_an_address_that_cannot_be_fetched_is_refused(admin: Administrator, url: str, reason: str) -> None:
    answer = trust(admin, "unreachable", metadata_url=url)
    assert answer.status_code == 400
    assert reason in answer.json()["detail"]


def test_metadata_that_is_pasted_later_is_not_fetched_any_more(admin: Administrator, published: Published) -> None:
    published.documents["/idp.xml"] = document = metadata_of(ENTITY_ID, key_of("company"))
    trust(admin, "pasted", metadata_url=f"{published.url}/idp.xml")

    change = {"config": {"metadata": document, "metadata_url": None}}
    assert admin.anywhere("PATCH", f"{PROVIDERS}/pasted", change).status_code == 200

    assert stored(admin, "pasted") == {"metadata": document}
    assert refresh(admin, "pasted").status_code == 400
    assert refresh(admin, "entryway").status_code == 400
    assert refresh(admin, "nobody").status_code == 404


async def test_the_server_fetches_once_a_day() -> None:
    """What is due is decided here; what is fetched, above."""

    class Asked(TrustRefresh):
        async def refresh(self, zid: str, origin: str, *, actor: str) -> Any:
            asked.append((zid, origin, actor))

    class Providers:
        async def fetched(self) -> list[tuple[str, str]]:
            return [("z1", "company"), ("z2", "company")]

    asked: list[tuple[str, str, str]] = []
    now = [RUNNING_SINCE]
    due = Asked(None, Providers(), None, lambda: now[0])  # type: ignore[arg-type]
    for passed, times in ((0, 2), (5, 2), (24 * 60, 4)):
        now[0] = RUNNING_SINCE + timedelta(minutes=passed)
        await due.refresh_due()
        assert len(asked) == times
    assert asked[0] == ("z1", "company", "entryway")


async def test_one_provider_keeps_no_other_from_being_asked() -> None:
    class Asked(TrustRefresh):
        async def refresh(self, zid: str, origin: str, *, actor: str) -> Any:
            asked.append(zid)
            raise RuntimeError("what nobody thought of")

    class Providers:
        async def fetched(self) -> list[tuple[str, str]]:
            return [("z1", "company"), ("z2", "company")]

    asked: list[str] = []
    await Asked(None, Providers(), None, lambda: RUNNING_SINCE).refresh_due()  # type: ignore[arg-type]
    assert asked == ["z1", "z2"]


def test_an_issuer_that_has_moved_is_followed_where_both_say_so(admin: Administrator, published: Published) -> None:
    published.discovery("/old", "/old")
    made = trust(admin, "moving", "oidc1.0", issuer=f"{published.url}/old", client_id="x", client_secret="y")
    assert made.status_code == 201, made.text
    published.discovery("/old", "/new")
    # The new one says nothing about itself, or that it is a third.
    assert refresh(admin, "moving").status_code == 502
    published.discovery("/new", "/third")
    assert refresh(admin, "moving").status_code == 502
    assert stored(admin, "moving")["issuer"] == f"{published.url}/old"

    published.discovery("/new", "/new")

    assert refresh(admin, "moving").json()["config"]["issuer"] == f"{published.url}/new"


def test_the_landscapes_own_providers_are_on_offer_as_far_as_they_answer(
    admin: Administrator, published: Published
) -> None:
    def offered() -> Any:
        answer = admin.anywhere("GET", f"{PROVIDERS}/ias")
        assert answer.status_code == 200, answer.text
        return answer.json()

    assert offered() == []
    published.discovery("/ours", "/ours")
    ours = {"host": published.url.removeprefix("https://"), "issuer": f"{published.url}/ours"}
    assert offered() == [{**ours, "trustedAs": []}]
    assert (
        trust(admin, "built-in", "oidc1.0", issuer=ours["issuer"], client_id="x", client_secret="y").status_code == 201
    )
    assert offered() == [{**ours, "trustedAs": ["built-in"]}]


def test_the_command_line_trusts_by_address_and_refreshes(
    server: RunningAuthServer, published: Published, tmp_path: Path
) -> None:
    published.documents["/idp.xml"] = metadata_of(ENTITY_ID, key_of("company"))
    instance = "11111111-2222-3333-4444-555555555555"
    server.platform("PUT", f"/applications/{instance}", {"plan": "apiaccess"})
    (tmp_path / "credential.json").write_text(json.dumps(server.bind(instance).credentials), "utf-8")
    target = ["--credentials", str(tmp_path / "credential.json"), "--ca", str(server.ca_file), "--url", server.url]

    def entryway(*arguments: str) -> str:
        done = CliRunner().invoke(command_line, ["trust", *target, *arguments])
        assert done.exit_code == 0, done.output
        return done.output

    assert "saml2.0" in entryway("create", "by-command", "--metadata-url", f"{published.url}/idp.xml")
    assert "saml2.0" in entryway("refresh", "by-command")
    assert published.asked == ["/idp.xml", "/idp.xml"]
    published.discovery("/ours", "/ours")
    assert f"{published.url}/ours" in entryway("available")
