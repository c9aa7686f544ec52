"""The connector's file: every mistake at once, and nothing that others may read."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from entryway.config.mistakes import ConfigurationMistakes
from entryway.connector.configuration import Mapping
from entryway.connector.file import file_of, parse_configuration, read_configuration, read_document, write_document
from entryway.connector.rewriting import virtual_cookie, virtual_location

FILE = Path("connector.yaml")
MAPPING = {
    "virtualHost": "erp.virtual",
    "virtualPort": "443",
    "localHost": "erp.corp.local",
    "localPort": 44300,
    "protocol": "https",
    "authenticationMode": "X509_GENERAL",
    "hostInHeader": "INTERNAL",
    "resources": [{"id": "/a", "exactMatchOnly": True}],
}


def mistakes(document: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigurationMistakes) as raised:
        parse_configuration(document, FILE)
    return [mistake.path for mistake in raised.value.mistakes]


def test_an_empty_file_exposes_nothing_and_believes_nobody() -> None:
    configuration = parse_configuration({}, FILE)
    assert configuration.mappings == ()
    assert configuration.backend_trust == ()
    assert configuration.principal_propagation.trusted_issuers == ()
    assert configuration.gateway is None


def test_the_words_that_administrators_know() -> None:
    (mapping,) = parse_configuration({"mappings": [MAPPING]}, FILE).mappings
    assert (mapping.virtual_port, mapping.protocol, mapping.host_in_header) == (443, "HTTPS", "internal")
    assert (mapping.propagates, mapping.logs_on_as_connector) == (True, False)
    assert mapping.resources[0].exact_match_only


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"virtualHost": "erp_virtual"}, "/mappings/0/virtualHost"),
        ({"virtualHost": "https://erp"}, "/mappings/0/virtualHost"),
        ({"virtualHost": ""}, "/mappings/0/virtualHost"),
        ({"localHost": "a b"}, "/mappings/0/localHost"),
        ({"virtualPort": 0}, "/mappings/0/virtualPort"),
        ({"virtualPort": "x"}, "/mappings/0/virtualPort"),
        ({"localPort": 65536}, "/mappings/0/localPort"),
        ({"localPort": True}, "/mappings/0/localPort"),
        ({"protocol": "RFC"}, "/mappings/0/protocol"),
        ({"protocol": "HTTP"}, "/mappings/0"),  # users need TLS
        ({"authenticationMode": "KERBEROS"}, "/mappings/0/authenticationMode"),
        ({"hostInHeader": "other"}, "/mappings/0/hostInHeader"),
        ({"resources": [{"id": "a"}]}, "/mappings/0/resources/0/id"),
        ({"resources": [{"id": "/a?b"}]}, "/mappings/0/resources/0/id"),
        ({"resources": [{"id": "/a", "enabled": "perhaps"}]}, "/mappings/0/resources/0/enabled"),
        ({"unknown": 1}, "/mappings/0/unknown"),
    ],
)
def test_a_mapping_that_is_wrong(change: dict[str, Any], where: str) -> None:
    assert mistakes({"mappings": [MAPPING | change]}) == [where]


def test_every_mistake_is_named_at_once() -> None:
    document = {
        "mappings": [MAPPING | {"virtualPort": 0, "protocol": "X"}],
        "principal_propagation": {"validity_minutes": 0, "trusted_issuers": [{"issuer": "http://plain/oauth/token"}]},
        "other": 1,
    }
    assert sorted(mistakes(document)) == [
        "/mappings/0/protocol",
        "/mappings/0/virtualPort",
        "/other",
        "/principal_propagation/trusted_issuers/0/issuer",
        "/principal_propagation/validity_minutes",
    ]


def test_a_system_is_mapped_once() -> None:
    assert mistakes({"mappings": [MAPPING, MAPPING | {"virtualHost": "ERP.virtual."}]}) == [""]


def test_files_of_authorities_are_read_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----")
    configuration = parse_configuration({"backend_trust": ["ca.pem"]}, tmp_path / "connector.yaml")
    assert configuration.backend_trust == ("-----BEGIN CERTIFICATE-----",)
    assert mistakes({"backend_trust": ["missing.pem"]}) == ["/backend_trust/0"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o777])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "connector.yaml"
    write_document(path, {"mappings": []})
    path.chmod(mode)
    with pytest.raises(ConfigurationMistakes, match="chmod 600"):
        read_document(path)


@pytest.mark.parametrize("text", ["- a", "a: [", "text", "\x00", "a: !!python/object/apply:os.system [ls]"])
def test_a_file_that_is_no_document(tmp_path: Path, text: str) -> None:
    path = tmp_path / "connector.yaml"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(ConfigurationMistakes):
        read_document(path)


def test_a_key_in_a_broken_file_is_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "connector.yaml"
    path.write_text("identity: {private_key: 'SECRETKEY, x: [}")
    path.chmod(0o600)
    with pytest.raises(ConfigurationMistakes) as raised:
        read_document(path)
    assert "SECRETKEY" not in str(raised.value)

    write_document(path, {"identity": {"private_key": 17, "zid": "SECRETKEY"}})
    with pytest.raises(ConfigurationMistakes) as raised:
        read_configuration(path)
    assert "SECRETKEY" not in str(raised.value)


def test_what_is_written_is_read_and_json_is_yaml(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "connector.yaml"
    document = {"mappings": [MAPPING], "backend_trust": ["-----BEGIN X-----\na\n-----END X-----\n"]}
    write_document(path, document)
    assert read_document(path) == document
    assert yaml.safe_load(path.read_text()) == document
    assert file_of(tmp_path / "sub") == path
    assert file_of(tmp_path / "new") == tmp_path / "new" / "connector.yaml"
    assert file_of(tmp_path / "x.json") == tmp_path / "x.json"


ERP = Mapping.model_validate(MAPPING)
CRM = Mapping.model_validate(
    MAPPING | {"virtualHost": "crm.virtual", "virtualPort": 80, "localHost": "crm", "localPort": 443}
)


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("https://erp.corp.local:44300/a?b#c", "http://erp.virtual:443/a?b#c"),
        ("HTTPS://ERP.corp.LOCAL:44300/", "http://erp.virtual:443/"),
        ("https://erp.virtual/a", "http://erp.virtual:443/a"),
        ("https://crm/x", "http://crm.virtual:80/x"),
        ("https://erp.corp.local/a", "https://erp.corp.local/a"),
        ("https://elsewhere.example/a", "https://elsewhere.example/a"),
        ("/relative", "/relative"),
        ("//erp.corp.local:44300/a", "//erp.corp.local:44300/a"),
        ("", ""),
        ("http://[broken", "http://[broken"),
        ("javascript:x", "javascript:x"),
    ],
)
def test_locations_speak_of_the_virtual_host(location: str, expected: str) -> None:
    assert virtual_location(location, ERP, [ERP, CRM]) == expected


@pytest.mark.parametrize(
    ("cookie", "expected"),
    [
        (b"a=1; Domain=erp.corp.local", b"a=1; Domain=erp.virtual"),
        (b"a=1;domain = .ERP.corp.local; Secure", b"a=1;domain = .erp.virtual; Secure"),
        (b"a=erp.corp.local", b"a=erp.corp.local"),
        (b"a=1; Domain=corp.local", b"a=1; Domain=corp.local"),
        (b"a=1; Path=/", b"a=1; Path=/"),
    ],
)
def test_cookies_speak_of_the_virtual_host(cookie: bytes, expected: bytes) -> None:
    assert virtual_cookie(cookie, ERP) == expected
