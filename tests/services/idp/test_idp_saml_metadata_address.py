"""Metadata of service providers that is fetched from where they publish it."""

from __future__ import annotations

import ssl
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from entryway.clients.http import new_http
from entryway.idp.applications.settings import ApplicationSettings
from entryway.idp.applications.store import Applications
from entryway.idp.errors import InvalidValue
from entryway.idp.saml.metadata_refresh import MetadataRefresh
from entryway.idp.schema import SCHEMA
from entryway.saml import names, own_metadata
from entryway.saml.keys import new_key_pair
from entryway.storage import Database
from entryway.testing.authority import TestAuthority
from entryway.testing.clock import MovableClock
from entryway.testing.idp import RunningIdp
from entryway.testing.serving import served

pytestmark = pytest.mark.once_on_postgresql
SHOP, OTHER = "https://shop.example", "https://other.example"
KEY = new_key_pair("shop", datetime.now(UTC))


class Website:
    """The web server of a service provider, which has one document."""

    def __init__(self) -> None:
        self.document: str | None = None
        self.asked = 0
        self.url = ""

    def build(self, url: str) -> Starlette:
        self.url = f"{url}/metadata"

        async def answer(_: Request) -> Response:
            self.asked += 1
            return Response(self.document, 404 if self.document is None else 200)

        return Starlette(routes=[Route("/metadata", answer)])


def document(entity_id: str = SHOP, consumer: str = "consumer") -> str:
    own = own_metadata.OwnServiceProvider(
        entity_id=entity_id,
        assertion_consumer=f"{entity_id}/{consumer}",
        bearer_consumer=None,
        single_logout={names.HTTP_REDIRECT: f"{entity_id}/logout"},
        keys=[KEY],
    )
    return own_metadata.service_provider_document(own).decode()


@pytest.fixture
def website(tmp_path: Path) -> Iterator[tuple[Website, TestAuthority]]:
    authority, made = TestAuthority.create(tmp_path / "ca"), Website()
    with served(made.build, authority):
        yield made, authority


@pytest.fixture
async def refresh(website: tuple[Website, TestAuthority], tmp_path: Path) -> AsyncIterator[MetadataRefresh]:
    database, clock = Database(f"sqlite+aiosqlite:///{tmp_path / 'idp.db'}"), MovableClock()
    await database.migrate(SCHEMA)
    # Neither sealer nor digests: settings hold nothing secret.
    applications = Applications(database, None, None, clock)  # type: ignore[arg-type]
    async with new_http(ssl.create_default_context(cafile=str(website[1].ca_file))) as http:
        yield MetadataRefresh(http, applications, clock)
    await database.close()


async def test_metadata_is_fetched_now_and_every_day(
    website: tuple[Website, TestAuthority], refresh: MetadataRefresh
) -> None:
    site, _ = website
    site.document = first = document()
    wanted = ApplicationSettings(saml_metadata_url=site.url)
    settings = await refresh.completed("shop", wanted)
    assert settings.saml_metadata == first
    made = await refresh.applications.put("shop", name="Shop", settings=settings)
    assert made.entity_id == SHOP
    # A change of something else does not fetch.
    assert (await refresh.completed("shop", wanted)).saml_metadata == first
    assert site.asked == 1

    async def after(days: float, published: str | None) -> str | None:
        refresh.clock.ahead += timedelta(days=days)  # type: ignore[attr-defined]
        site.document = published
        await refresh.refresh_due()
        return (await refresh.applications.resolve("shop")).settings.saml_metadata

    second = document(consumer="second")
    assert await after(0, second) == second
    assert await after(0.5, first) == second
    # What is gone, no metadata or another's is not better than what is known.
    for worse in (None, "<x/>", document(OTHER)):
        assert await after(1.1, worse) == second
    assert await after(1.1, first) == first


async def test_an_address_without_metadata_is_refused(
    website: tuple[Website, TestAuthority], refresh: MetadataRefresh
) -> None:
    with pytest.raises(InvalidValue, match=r"saml_metadata_url leads to no metadata: .* answered 404"):
        await refresh.completed("shop", ApplicationSettings(saml_metadata_url=website[0].url))


def test_administrators_learn_what_is_wrong(idp: RunningIdp) -> None:
    for url, reason in (
        ("https://localhost:1/metadata", "saml_metadata_url"),
        ("https://169.254.169.254/metadata", "none that may be called"),
        ("http://localhost/metadata", "saml_metadata_url"),
    ):
        answer = idp.admin("PUT", f"/applications/{uuid.uuid4()}", {"settings": {"saml_metadata_url": url}})
        assert (answer.status_code, reason in answer.text) == (400, True), answer.text
