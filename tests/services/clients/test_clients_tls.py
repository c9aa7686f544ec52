"""Whom outgoing calls believe, tried on a real TLS server."""

import json
import os
import ssl
import sys
import tempfile

import pytest
from structlog.testing import capture_logs

from entryway.clients.http import call, new_http
from entryway.clients.tls import load_client_certificate, outgoing_context, unverified_context
from entryway.config.mistakes import ConfigurationMistakes
from entryway.errors import UpstreamUnreachable
from entryway.testing.authority import TestAuthority
from entryway.testing.token_service import running_token_service


@pytest.fixture
def authority(tmp_path):
    return TestAuthority.create(tmp_path / "ca")


@pytest.fixture
def server(authority):
    with running_token_service(authority) as server:
        yield server


async def reaches(server, context: ssl.SSLContext) -> bool:
    async with new_http(context) as http:
        try:
            return (await call(http, "GET", server.url)).status == 200
        except UpstreamUnreachable:
            return False


async def test_a_server_of_an_unknown_authority(server):
    assert not await reaches(server, outgoing_context({}))


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "XS_CACERT_PATH"])
async def test_every_variable_adds_an_authority(server, authority, variable):
    assert await reaches(server, outgoing_context({variable: str(authority.ca_file)}))


async def test_all_of_them_count_at_once(server, authority, tmp_path):
    other = TestAuthority.create(tmp_path / "other").ca_file
    for environ in (
        {"SSL_CERT_FILE": str(other), "NODE_EXTRA_CA_CERTS": str(authority.ca_file)},
        {"XS_CACERT_PATH": f"{other}{os.pathsep}{authority.ca_file}"},
        {"XS_CACERT_PATH": json.dumps([str(other), str(authority.ca_file)])},
    ):
        assert await reaches(server, outgoing_context(environ))
    assert await reaches(server, outgoing_context({"SSL_CERT_FILE": str(other)}, ca_files=[authority.ca_file]))


def test_the_systems_own_authorities_stay(authority):
    before = outgoing_context({}).cert_store_stats()["x509_ca"]
    after = outgoing_context({"SSL_CERT_FILE": str(authority.ca_file)}).cert_store_stats()["x509_ca"]
    assert after == before + 1


async def test_another_host_than_the_certificates(server, authority):
    context = outgoing_context({}, ca_files=[authority.ca_file])
    async with new_http(context) as http:
        with pytest.raises(UpstreamUnreachable):
            await call(http, "GET", server.url.replace("localhost", "127.0.0.2"))


async def test_verification_can_be_switched_off_and_that_is_loud(server):
    with capture_logs() as logs:
        context = outgoing_context({"NODE_TLS_REJECT_UNAUTHORIZED": "0"})
    assert await reaches(server, context)
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [("tls_verification_disabled", "warning")]
    for value in ("", "1", "false"):
        assert outgoing_context({"NODE_TLS_REJECT_UNAUTHORIZED": value}).verify_mode is ssl.CERT_REQUIRED
    assert unverified_context().verify_mode is ssl.CERT_NONE


def test_every_file_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "empty.pem").write_text("nothing")
    environ = {"SSL_CERT_FILE": str(tmp_path / "none"), "REQUESTS_CA_BUNDLE": str(tmp_path / "empty.pem")}
    with pytest.raises(ConfigurationMistakes) as caught:
        outgoing_context(environ)
    assert [mistake.file for mistake in caught.value.mistakes] == ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"]
    for value in ("[", "[5]", '["a"'):
        with pytest.raises(ConfigurationMistakes):
            outgoing_context({"XS_CACERT_PATH": value})


def test_old_protocols_are_not_spoken():
    assert outgoing_context({}).minimum_version >= ssl.TLSVersion.TLSv1_2


def test_a_client_can_show_a_certificate(authority, tmp_path, monkeypatch):
    files = authority.issue_client("kim")
    if sys.platform == "linux":  # where nothing may be writable, as in many containers
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    load_client_certificate(outgoing_context({}), files.certificate.read_text(), files.key.read_text())
    other = authority.issue_client("alex")
    for certificate, key in ((files.certificate, other.key), (files.key, files.key)):
        with pytest.raises(ConfigurationMistakes) as caught:
            load_client_certificate(outgoing_context({}), certificate.read_text(), key.read_text())
        assert "PRIVATE KEY" not in str(caught.value)
