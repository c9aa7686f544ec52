"""SimpleSAMLphp as Debian packages it, unmodified, as a company's identity provider behind Apache."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import apache
import httpx
import pytest

from entryway.saml.keys import new_key_pair
from entryway.testing.authority import TestAuthority

WWW = Path("/usr/share/simplesamlphp/www")
EMAIL = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"


@dataclass(frozen=True)
class Provider:
    """Its address, and what it says of itself."""

    url: str
    metadata: str = field(repr=False)


@contextmanager
def running(
    service_provider: bytes, users: Mapping[str, Mapping[str, Sequence[str]]], authority: TestAuthority
) -> Iterator[Provider]:
    """Run the provider for one service provider, by its metadata; users are attributes by `name:password`."""
    apache.install("simplesamlphp")
    modules = sorted(apache.MODULES.glob("libphp*.so"))
    if not modules:
        pytest.fail("SimpleSAMLphp needs PHP as a module of Apache: libapache2-mod-php")
    port = apache.free_port()
    with apache.public_folder() as folder:
        folder.chmod(0o777)
        (folder / "sp.xml").write_bytes(service_provider)
        _configure(folder, f"https://localhost:{port}/simplesaml/", users)
        directives = f"""
LoadModule php_module {modules[-1]}
KeepAlive Off
SetEnv SIMPLESAMLPHP_CONFIG_DIR {folder}/config
Alias /simplesaml {WWW}
<Directory {WWW}>
  Require all granted
</Directory>
<FilesMatch "\\.php$">
  SetHandler application/x-httpd-php
</FilesMatch>
php_admin_flag display_errors off
"""
        with apache.running(folder, port, ["alias"], directives, workers="mpm_prefork", authority=authority) as url:
            trusted = ssl.create_default_context(cafile=authority.ca_file)
            answer = httpx.get(f"{url}/simplesaml/saml2/idp/metadata.php", verify=trusted, timeout=20)
            assert answer.status_code == 200, answer.text
            yield Provider(url, answer.text)


def _configure(folder: Path, url: str, users: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
    for name in ("config", "metadata", "sessions"):
        (folder / name).mkdir()
    # It runs under an account of its own.
    (folder / "sessions").chmod(0o777)
    pair = new_key_pair("simplesamlphp", datetime.now(UTC))
    (folder / "idp.key").write_bytes(pair.private_pem)
    (folder / "idp.pem").write_text(pair.certificate_pem, "utf-8")
    settings = {
        "baseurlpath": url,
        "certdir": f"{folder}/",
        "loggingdir": f"{folder}/",
        "datadir": f"{folder}/",
        "tempdir": f"{folder}/temporary",
        "metadatadir": f"{folder}/metadata/",
        "logging.handler": "file",
        "secretsalt": "of-a-test-0123456789",
        "auth.adminpassword": "of-a-test-9876543210",
        "timezone": "UTC",
        "technicalcontact_email": "administrator@example.org",
        "enable.saml20-idp": True,
        "module.enable": {"exampleauth": True, "core": True, "saml": True},
        "session.cookie.secure": True,
        "session.phpsession.savepath": f"{folder}/sessions",
        "store.type": "phpsession",
        "metadata.sources": [{"type": "flatfile"}, {"type": "xml", "file": f"{folder}/sp.xml"}],
    }
    hosted = {
        "host": "__DEFAULT__",
        "privatekey": "idp.key",
        "certificate": "idp.pem",
        "auth": "staff",
        "SingleSignOnServiceBinding": [REDIRECT, POST],
        "SingleLogoutServiceBinding": [REDIRECT],
        "redirect.validate": True,
        "redirect.sign": True,
        "assertion.encryption": True,
        "NameIDFormat": EMAIL,
        "authproc": {"10": {"class": "saml:AttributeNameID", "attribute": "mail", "Format": EMAIL}},
    }
    _write(folder / "config" / "config.php", "config", settings)
    _write(folder / "config" / "authsources.php", "config", {"staff": {"0": "exampleauth:UserPass", **users}})
    _write(folder / "metadata" / "saml20-idp-hosted.php", "metadata", {f"{url}saml2/idp/metadata.php": hosted})


def _write(path: Path, variable: str, values: Mapping[str, object]) -> None:
    path.with_suffix(".json").write_text(json.dumps(values), "utf-8")
    path.write_text(
        f"<?php ${variable} = json_decode(file_get_contents(__DIR__ . '/{path.stem}.json'), true);\n", "utf-8"
    )
