"""The plugin, as an application's own tests use it: in a run of pytest of its own, with nothing but its entry point."""

import subprocess
import sys
import textwrap

APPLICATION = """
from fastapi import Depends, FastAPI
from entryway.security.fastapi import require_scope

app = FastAPI()

@app.get("/products", dependencies=[Depends(require_scope("Display"))])
def products():
    return ["Bread"]
"""
TESTS = """
import socket

import httpx
import pytest
from app import app
from entryway.security import TokenInvalid, create_security_context, find_credentials, xssec


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*args):
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)


async def get(token):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as http:
        return (await http.get("/products", headers={"authorization": f"Bearer {token}"})).status_code


@pytest.mark.parametrize("again", [1, 2])
async def test_scopes(make_token, no_network, again):
    assert await get(make_token(scopes=["Display"])) == 200
    assert await get(make_token(scopes=["Edit"])) == 403
    assert await get(make_token(scopes=["Display"], lifetime=-1)) == 401
    assert await get(make_token(scopes=["Display"], tenant="another")) == 401
    assert await get(make_token(scopes=["Display"], claims={"exp": None})) == 401


def test_what_is_in_them(make_token, no_network):
    token = make_token(scopes=["A", "other!t1.B"], user="kim@example.org", attributes={"country": ["DE"]})
    context = create_security_context(token, find_credentials())
    assert context.scopes == {"app!t1.A", "other!t1.B"}
    assert (context.get_logon_name(), context.get_email()) == ("kim@example.org", "kim@example.org")
    assert context.get_attribute("country") == ["DE"]
    client = create_security_context(make_token(user=None, scopes=["A"]), find_credentials())
    assert client.get_logon_name() is None and client.check_local_scope("A")


def test_the_other_interface(make_token, entryway_issuer, no_network):
    context = xssec.create_security_context(make_token(), entryway_issuer.credentials())
    assert context.get_given_name() == "Alex"


def test_a_stranger(entryway_issuer, no_network):
    with pytest.raises(TokenInvalid, match="unknown_key"):
        create_security_context(entryway_issuer.sign({"zid": entryway_issuer.tenant, "exp": 4e9}, {"kid": "x"}),
                                find_credentials())


def test_a_server(entryway_server):
    context = create_security_context(entryway_server.make_token(scopes=["A"]), find_credentials())
    assert context.check_local_scope("A")
    answer = httpx.get(f"https://{entryway_server.host}/token_keys")
    assert answer.json()["keys"][0]["value"].startswith("-----BEGIN PUBLIC KEY")
    assert httpx.get(f"https://{entryway_server.host}/token_keys?zid=x").status_code == 404


async def test_an_application_that_was_bound_before_and_a_server(entryway_server, make_token):
    assert await get(entryway_server.make_token(scopes=["Display"])) == 200
    assert await get(make_token(scopes=["Display"])) == 200


def test_without_the_fixtures_nothing_is_bound(monkeypatch):
    from entryway.security import BindingMissing
    with pytest.raises(BindingMissing):
        find_credentials()
"""


def test_an_application_is_tested_with_it(tmp_path):
    (tmp_path / "app.py").write_text(APPLICATION)
    (tmp_path / "test_app.py").write_text(textwrap.dedent(TESTS))
    plugin = "" if "entryway" in plugins() else "-p entryway.testing.pytest_plugin"
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-o", "asyncio_mode=auto",
               "-o", "asyncio_default_fixture_loop_scope=function", *plugin.split()]  # fmt: skip
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "8 passed" in ran.stdout


def plugins() -> set[str]:
    """Return the names of the plugins that are installed; a checkout that was installed earlier lacks new ones."""
    from importlib.metadata import entry_points  # noqa: PLC0415

    return {point.name for point in entry_points(group="pytest11")}


def test_loading_it_costs_nothing():
    heavy = "{'cryptography', 'httpx', 'http.server', 'ssl'}"
    code = f"import sys; bare = set(sys.modules); import pytest; bare = set(sys.modules); \
import entryway.testing.pytest_plugin; print(sorted({heavy} & (set(sys.modules) - bare)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
