"""The unmodified library `sap-xssec` from PyPI judges our tokens, over real HTTPS, as it would any."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from entryway.oauth import keys, tokens
from entryway.testing.authserver import BoundApplication, RunningAuthServer, running_authserver
from entryway.testing.clock import MovableClock

pytestmark = pytest.mark.interop
# It runs in a process of its own: the library reads its environment and keeps keys for the life of the process.
JUDGE = """
import json, sys
from sap import xssec
asked = json.load(sys.stdin)
verdicts = []
for token in asked["tokens"]:
    try:
        context = xssec.create_security_context(token, asked["credentials"])
    except Exception as error:
        verdicts.append({"refused": f"{type(error).__name__}: {error}"})
        continue
    app = asked["credentials"]["xsappname"]
    verdicts.append({
        "refused": None,
        "display": context.check_local_scope("Display"),
        "edit": context.check_scope(app + ".Edit"),
        "openid": context.check_scope("openid"),
        "logon_name": context.get_logon_name(),
        "given_name": context.get_given_name(),
        "family_name": context.get_family_name(),
        "email": context.get_email(),
        "zone": context.get_zone_id(),
        "subdomain": context.get_subdomain(),
        "subaccount": context.get_subaccount_id(),
        "origin": context.get_origin(),
        "client": context.get_clientid(),
        "grant": context.get_grant_type(),
        "audience": sorted(context.get_audience()),
        "clone": context.get_clone_service_instance_id(),
        "attribute": context.get_attribute("Country"),
    })
json.dump(verdicts, sys.stdout)
"""
PASSWORD = "correct horse"
DESCRIPTOR = {
    "xsappname": "interop",
    "scopes": [{"name": "$XSAPPNAME.Display"}, {"name": "$XSAPPNAME.Edit"}],
    "attributes": [{"name": "Country", "valueType": "string"}],
    "role-templates": [
        {
            "name": "Viewer",
            "scope-references": ["$XSAPPNAME.Display"],
            "attribute-references": [{"name": "Country", "default-values": ["DE"]}],
        }
    ],
    "role-collections": [{"name": "Interop Viewer", "role-template-references": ["$XSAPPNAME.Viewer"]}],
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    with running_authserver(tmp_path_factory.mktemp("interop"), MovableClock()) as running:
        yield running


@pytest.fixture(scope="module")
def app(server: RunningAuthServer) -> BoundApplication:
    return server.deploy(DESCRIPTOR)


@pytest.fixture(scope="module")
def user_token(server: RunningAuthServer, app: BoundApplication) -> str:
    server.user("vera@example.com", PASSWORD, ["Interop Viewer"])
    browser = server.browser()
    answer = server.redeem(app, browser.log_in(app, "vera@example.com", PASSWORD))
    browser.http.close()
    token: str = answer.json()["access_token"]
    return token


def judge(credentials: dict[str, str], *judged: str, ca_file: Path) -> list[dict]:
    ran = subprocess.run(
        [sys.executable, "-c", JUDGE],
        input=json.dumps({"credentials": credentials, "tokens": judged}),
        env={"PATH": os.environ["PATH"], "SSL_CERT_FILE": str(ca_file)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(ran.stdout)


def test_a_users_token_is_accepted_and_understood(
    server: RunningAuthServer, app: BoundApplication, user_token: str
) -> None:
    (verdict,) = judge(app.credentials, user_token, ca_file=server.ca_file)

    zone = app.credentials["zoneid"]
    assert verdict == {
        "refused": None,
        "display": True,
        "edit": False,
        "openid": True,
        "logon_name": "vera@example.com",
        "given_name": "Vera",
        "family_name": "Example",
        "email": "vera@example.com",
        "zone": zone,
        "subdomain": "dev",
        "subaccount": zone,
        "origin": "entryway",
        "client": app.client_id,
        "grant": "authorization_code",
        "audience": sorted([app.client_id, app.name, "openid"]),
        "clone": None,
        "attribute": ["DE"],
    }


def test_a_clients_own_token_is_accepted_and_has_no_user(server: RunningAuthServer, app: BoundApplication) -> None:
    own = server.token(app, grant_type="client_credentials").json()["access_token"]
    (verdict,) = judge(app.credentials, own, ca_file=server.ca_file)
    assert verdict["refused"] is None
    assert verdict["logon_name"] is None
    assert verdict["client"] == app.client_id


def test_a_service_accepts_the_tokens_of_its_instances(
    server: RunningAuthServer, app: BoundApplication, user_token: str
) -> None:
    clone = server.clone("destination-xsappname")
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": user_token, "scope": ""}
    exchanged = server.token(clone, **form).json()["access_token"]
    (of_clone,) = judge(clone.credentials, exchanged, ca_file=server.ca_file)
    assert of_clone["refused"] is None
    assert of_clone["clone"] == clone.instance_id
    assert of_clone["logon_name"] == "vera@example.com"

    service = {
        **clone.credentials,
        "clientid": "sb-destination-xsappname!b1",
        "xsappname": "destination-xsappname!b1",
    }
    accepted, foreign = judge(service, exchanged, user_token, ca_file=server.ca_file)
    assert accepted["refused"] is None
    assert "Audience" in foreign["refused"]


def test_wrong_tokens_are_refused(server: RunningAuthServer, app: BoundApplication, user_token: str) -> None:
    head, body, signature = user_token.split(".")
    content = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    richer = {**content, "scope": [*content["scope"], f"{app.name}.Edit"]}
    changed = base64.urlsafe_b64encode(json.dumps(richer).encode()).rstrip(b"=").decode()
    stranger = keys.generate("feedbeef")
    own_kid = server.http.get("/token_key").json()["kid"]
    other = server.deploy({"xsappname": "someone-else"})
    other_own = server.token(other, grant_type="client_credentials").json()["access_token"]

    refused = judge(
        app.credentials,
        f"{head}.{changed}.{signature}",
        tokens.sign(content, stranger, f"{server.url}/token_keys"),
        tokens.sign(content, keys.SigningKey(own_kid, stranger.private_pem), f"{server.url}/token_keys"),
        other_own,
        ca_file=server.ca_file,
    )

    assert all(verdict["refused"] for verdict in refused)
    assert "Audience" in refused[3]["refused"]


def test_an_expired_token_is_refused(tmp_path: Path) -> None:
    clock = MovableClock()
    clock.ahead = -timedelta(hours=13)
    with running_authserver(tmp_path, clock) as server:
        app = server.deploy(DESCRIPTOR)
        expired = server.token(app, grant_type="client_credentials").json()["access_token"]
        clock.ahead = timedelta()
        fresh = server.token(app, grant_type="client_credentials").json()["access_token"]
        verdicts = judge(app.credentials, expired, fresh, ca_file=server.ca_file)
    assert "expired" in verdicts[0]["refused"].lower()
    assert verdicts[1]["refused"] is None
