"""The certified OpenID Connect client openid-client, unmodified, logs a person in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from node_script import Said, converse
from peers import PERSON, Landscape, landscape

from entryway.testing.authserver import REDIRECT_URI
from entryway.testing.npm import install

pytestmark = pytest.mark.peers
FOLDER = Path(__file__).parent / "openid_client"


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Landscape]:
    install(FOLDER, "openid-client")
    with landscape(tmp_path_factory.mktemp("openid_client")) as made:
        yield made


def run(peer: Landscape, issuer: str) -> Said:
    """Run the client; when it has somewhere to go, go there and tell it where that led."""
    asked = {
        "issuer": issuer,
        "clientId": peer.application.client_id,
        "clientSecret": peer.application.secret,
        "redirectUri": REDIRECT_URI,
        "scope": f"openid {peer.application.name}.Display",
    }
    return converse(
        FOLDER / "relying_party.js",
        asked,
        peer.server.ca_file,
        lambda told: peer.log_in(told["goTo"]) if "goTo" in told else None,
    )


def test_it_logs_in_refreshes_asks_revokes_and_logs_out(peer: Landscape) -> None:
    said = run(peer, peer.issuer)

    assert said["claims"]["user_name"] == said["userinfo"]["user_name"] == PERSON
    assert said["claims"]["iss"] == said["metadata"]["issuer"] == peer.issuer
    assert (said["introspected"]["active"], said["introspected"]["cid"]) == (True, peer.application.client_id)
    assert said["refreshed"]["access_token"] != said["tokens"]["access_token"]
    assert said["revoked"] == {"active": False}
    assert "refresh_token" not in said["own"]
    assert said["mixedUp"] == "OAUTH_INVALID_RESPONSE"
    assert said["replayed"] == "invalid_grant"
    assert said["afterReplay"] == "invalid_token"

    browser = peer.server.browser()
    farewell = browser.http.get(said["endSession"])
    browser.http.close()
    back = urlsplit(farewell.headers["location"])
    assert (farewell.status_code, f"{back.scheme}://{back.netloc}{back.path}") == (302, REDIRECT_URI)
    assert parse_qs(back.query) == {"state": ["bye"]}


def test_the_plain_address_is_not_taken_for_the_issuer(peer: Landscape) -> None:
    """The issuer has a path, so metadata that a client finds at the bare address must not pass for it."""
    with pytest.raises(AssertionError, match="issuer"):
        run(peer, peer.server.url)
