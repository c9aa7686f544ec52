"""What a tenant's pages show of it, and nobody else's do."""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from admin_client import BASE, Administrator, administrator
from typer.testing import CliRunner

from entryway.cli import app as command_line
from entryway.testing.authserver import RunningAuthServer, running_authserver
from entryway.web.pages import Branding

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(64))
WHOLE = {
    "name": "Acme & Söhne <b>",
    "accent": "#7a1f5c",
    "accentDark": "#ffb3dc",
    "heading": {"en": "Welcome <script>alert(1)</script>", "de": "Willkommen"},
    "note": "Use your badge number.\nNot your name.",
    "links": [{"url": "https://acme.example/imprint", "text": "Imprint"}],
    "logo": {"mediaType": "image/png", "content": base64.b64encode(PNG).decode()},
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAuthServer]:
    landscape = Branding(name="The landscape", accent="#0b5d8f", links=())
    with running_authserver(
        tmp_path_factory.mktemp("branded"), branding=landscape, tenant_url="https://localhost/t/{subdomain}"
    ) as running:
        yield running


@pytest.fixture(scope="module")
def admin(server: RunningAuthServer) -> Administrator:
    return administrator(server)


@pytest.fixture
def acme(server: RunningAuthServer) -> str:
    """Another tenant's subdomain."""
    subdomain = f"acme-{uuid.uuid4().hex[:8]}"
    assert server.platform("POST", "/tenants", {"subdomain": subdomain, "name": "Acme"}).status_code == 201
    return subdomain


def brand(server: RunningAuthServer, subdomain: str, body: Any, method: str = "PUT") -> httpx.Response:
    headers = {
        "authorization": f"Bearer {server.platform_token()}",
        "x-identity-zone-subdomain": subdomain,
    }
    return server.http.request(method, f"{BASE}/branding", json=body, headers=headers)


def page(server: RunningAuthServer, path: str, language: str = "en") -> str:
    with httpx.Client(base_url=server.url, verify=server.tls) as client:
        return client.get(path, headers={"accept": "text/html", "accept-language": language}).text


def test_a_tenants_pages_show_it_and_those_of_others_do_not(server: RunningAuthServer, acme: str) -> None:
    answer = brand(server, acme, WHOLE)
    assert (answer.status_code, answer.json()) == (200, WHOLE)

    shown = page(server, f"/t/{acme}/login")

    assert "Acme &amp; Söhne &lt;b&gt;" in shown
    assert "Welcome &lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "<script" not in shown
    assert "Use your badge number." in shown
    assert 'href="https://acme.example/imprint"' in shown
    assert "Willkommen" in page(server, f"/t/{acme}/login", "de")
    others = page(server, "/login")
    assert "The landscape" in others
    assert "Acme" not in others
    assert "Log in" in others


def test_its_style_and_logo_are_served_at_every_address_of_it(server: RunningAuthServer) -> None:
    acme = f"acme-{uuid.uuid4().hex[:8]}"
    zid = server.platform("POST", "/tenants", {"subdomain": acme, "name": "Acme"}).json()["id"]
    brand(server, acme, WHOLE)
    for address in (f"/t/{acme}/login", f"/login?zid={zid}"):
        shown = page(server, address).replace("&amp;", "&")
        logo = re.findall(r'src="([^"]+)"', shown)[0]
        style = re.findall(r'<link rel="stylesheet" href="([^"]+)"', shown)[-1]
        for path, content in ((logo, PNG), (style, b"#7a1f5c")):
            answer = server.http.get(path)
            assert answer.status_code == 200, (path, answer.text)
            assert content in answer.content
            assert answer.headers["content-security-policy"] == "sandbox"
            assert answer.headers["x-content-type-options"] == "nosniff"
    assert b"#0b5d8f" in server.http.get("/resources/brand.css").content
    assert server.http.get("/resources/logo").status_code == 404


def test_what_it_leaves_out_is_as_in_the_landscape(server: RunningAuthServer, acme: str) -> None:
    assert brand(server, acme, {"note": "Only this."}).status_code == 200
    shown = page(server, f"/t/{acme}/login")
    assert "The landscape" in shown
    assert "Only this." in shown

    assert brand(server, acme, None, "DELETE").status_code == 204

    assert "Only this." not in page(server, f"/t/{acme}/login")
    assert brand(server, acme, None, "GET").json() == {}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"accent": "red;} body{display:none"}, "/accent"),
        ({"accent": "#ffff00"}, "cannot be read"),
        ({"accentDark": "#101010"}, "cannot be read"),
        ({"links": [{"url": "javascript:alert(1)", "text": "x"}]}, "/links/0/url"),
        ({"links": [{"url": 'https://a.example/"onclick=', "text": "x"}]}, "/links/0/url"),
        ({"links": [{"url": "https://a.example", "text": "x"}] * 7}, "/links"),
        ({"name": "x" * 81}, "/name"),
        ({"name": ""}, "/name"),
        ({"note": "x" * 501}, "/note"),
        ({"name": "a\0b"}, "/name"),
        ({"heading": {"en": "a\nb"}}, "/heading"),
        ({"note": "a\x1bb"}, "/note"),
        ({"note": {"e\0": "x"}}, "/note"),
        ({"note": {f"l{number}": "x" for number in range(101)}}, "/note"),
        ({"css": "body{}"}, "/css"),
        ({"logo": {"mediaType": "image/svg+xml", "content": "PHN2Zy8+"}}, "/logo/mediaType"),
        ({"logo": {"mediaType": "image/png", "content": "PHN2Zy8+"}}, "not image/png"),
        ({"logo": {"mediaType": "image/png", "content": "%%%"}}, "base64"),
        ({"logo": {"mediaType": "image/png", "content": "A" * 200_000}}, "/logo/content"),
    ],
)
def test_what_could_break_a_page_is_refused(admin: Administrator, body: Any, reason: str) -> None:
    answer = admin.ask("PUT", "/branding", body)
    assert answer.status_code == 400, answer.text
    assert reason in answer.json()["detail"]


def test_only_administrators_of_the_tenant_change_it(
    server: RunningAuthServer, admin: Administrator, acme: str
) -> None:
    body = {"name": "Mallory"}
    assert server.http.put(f"{BASE}/branding", json=body).status_code == 401
    answer = admin.ask("PUT", "/branding", body, **{"x-identity-zone-subdomain": acme})
    assert answer.status_code == 403
    made = admin.done("POST", "/apiCredentials", {"name": f"reader-{acme}", "readOnly": True})["credentials"]
    token = server.http.post(
        "/oauth/token", data={"grant_type": "client_credentials"}, auth=(made["clientid"], made["clientsecret"])
    ).json()["access_token"]
    reader = Administrator(server, token)
    assert reader.ask("GET", "/branding").status_code == 200
    assert reader.ask("PUT", "/branding", body).status_code == 403


def test_the_command_line_sets_what_a_file_says(server: RunningAuthServer, tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(PNG)
    file = tmp_path / "branding.yaml"
    file.write_text("name: By command\nlogo: logo.png\naccent-dark: '#ffb3dc'\nnote: {de: Hallo}\n", "utf-8")
    instance = str(uuid.uuid4())
    server.platform("PUT", f"/applications/{instance}", {"plan": "apiaccess"})
    (tmp_path / "credential.json").write_text(json.dumps(server.bind(instance).credentials), "utf-8")
    target = ["--credentials", str(tmp_path / "credential.json"), "--ca", str(server.ca_file), "--url", server.url]

    def entryway(*arguments: str) -> str:
        done = CliRunner().invoke(command_line, ["branding", *target, *arguments])
        assert done.exit_code == 0, done.output
        return done.output

    assert "image/png, 72 bytes" in entryway("set", str(file))
    shown = json.loads(entryway("get", "--json"))
    assert (shown["name"], shown["accentDark"], shown["note"]) == ("By command", "#ffb3dc", {"de": "Hallo"})
    assert "By command" in page(server, "/login")
    entryway("delete")
    assert "as in the landscape" in entryway("get")
    file.write_text("name: x\nlogo: logo.svg\n", "utf-8")
    (tmp_path / "logo.svg").write_text("<svg/>", "utf-8")
    refused = CliRunner().invoke(command_line, ["branding", *target, "set", str(file)])
    assert refused.exit_code != 0
    assert "mediaType" in str(refused.exception) + refused.output
