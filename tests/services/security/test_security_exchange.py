"""An application exchanges its user's token, and needs nothing but the library's few dependencies for any of it."""

import json
import subprocess
import sys

import pytest

from entryway.errors import ConfigurationError
from entryway.security import ExchangeFailed, TokenValidator, parse_credentials
from entryway.testing.token_service import running_token_service

ALLOWED = {
    "_cffi_backend",
    "anyio",
    "certifi",
    "cffi",
    "cryptography",
    "entryway",
    "h11",
    "httpcore",
    "httpx",
    "idna",
    "sniffio",
    "typing_extensions",
}


@pytest.fixture
def service(issuer):
    with running_token_service(issuer.authority) as service:
        yield service


@pytest.fixture
def context(issuer, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(issuer.ca_file))
    monkeypatch.setenv("NO_PROXY", "localhost")
    return TokenValidator(parse_credentials(issuer.credentials())).validate(issuer.token())


async def test_both_ways_ask_the_same(context, service):
    credentials = {"clientid": "sb-clone!b1|x!b1", "clientsecret": "s", "url": service.url}
    assert context.request_token_for_client(credentials, "x.A,x.B") == "the-token"
    # The same token would be kept: with another secret it is another client.
    credentials |= {"clientsecret": "t"}
    assert await context.request_token_for_client_async(credentials, "x.A,x.B") == "the-token"
    first, second = service.requests
    assert first.form | {"client_secret": "t"} == second.form
    assert first.form["assertion"] == context.get_app_token()
    assert first.form["scope"] == "x.A x.B"


@pytest.mark.parametrize(
    "answer", [(401, {"error": "x"}), (302, ""), (200, "x"), (200, []), (200, {}), (200, "x" * 1_100_000)]
)
async def test_no_token(context, service, answer):
    service.answer = answer
    credentials = {"clientid": "c", "clientsecret": "s", "url": service.url}
    with pytest.raises(ExchangeFailed):
        context.request_token_for_client(credentials)
    with pytest.raises(ExchangeFailed):
        await context.request_token_for_client_async(credentials)


def test_credentials_that_are_not_complete(context):
    with pytest.raises(ConfigurationError, match="clientsecret"):
        context.request_token_for_client({"clientid": "c", "url": "https://x"})


def test_the_library_needs_nothing_else(issuer):
    code = """
import json, sys

allowed = set(json.loads(sys.argv[1])) | set(sys.stdlib_module_names)

class OnlyWhatIsInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in allowed:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, OnlyWhatIsInstalled())
import entryway.security as security
import entryway.security.asgi
token, credentials = json.load(sys.stdin)
assert security.create_security_context(token, credentials).check_local_scope("Display")
"""
    environ = {"SSL_CERT_FILE": str(issuer.ca_file), "NO_PROXY": "localhost"}
    text = json.dumps([issuer.token(scopes=["Display"]), issuer.credentials()])
    command = [sys.executable, "-c", code, json.dumps(sorted(ALLOWED))]
    ran = subprocess.run(command, input=text, env=environ, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
