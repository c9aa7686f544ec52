"""Apache with mod_shib and its daemon, unmodified, as a service provider of the identity provider."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apache
import httpx
import pytest

from entryway.saml.keys import new_key_pair
from entryway.testing.idp import Person, RunningIdp, running_idp
from entryway.testing.saml_provider import form_in

pytestmark = pytest.mark.peers
PERSON = "pia@example.com"
CONFIGURATION = """
<SPConfig xmlns="urn:mace:shibboleth:3.0:native:sp:config" clockSkew="180">
  <OutOfProcess logger="{folder}/shibd.logger"/>
  <InProcess logger="{folder}/native.logger"/>
  <UnixListener address="{folder}/shibd.sock"/>
  <ApplicationDefaults entityID="{url}/shibboleth" REMOTE_USER="mail" signing="true" encryption="false">
    <Sessions lifetime="3600" timeout="600" relayState="ss:mem" checkAddress="false" handlerSSL="false"
              cookieProps="http" handlerURL="/Shibboleth.sso">
      <SSO entityID="{idp}">SAML2</SSO>
      <Logout>SAML2 Local</Logout>
      <Handler type="MetadataGenerator" Location="/Metadata" signing="false"/>
    </Sessions>
    <Errors redirectErrors="{url}/farewell.html"/>
    <MetadataProvider type="XML" validate="true" path="{folder}/idp.xml"/>
    <AttributeExtractor type="XML" validate="true" path="{folder}/attributes.xml"/>
    <CredentialResolver type="File" key="{folder}/sp.key" certificate="{folder}/sp.pem"/>
  </ApplicationDefaults>
  <SecurityPolicyProvider type="XML" validate="true" path="/etc/shibboleth/security-policy.xml"/>
  <ProtocolProvider type="XML" validate="true" path="/etc/shibboleth/protocols.xml"/>
</SPConfig>
"""
ATTRIBUTES = """
<Attributes xmlns="urn:mace:shibboleth:2.0:attribute-map" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <Attribute name="mail" nameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:basic" id="mail"/>
</Attributes>
"""
LOGGER = """log4j.rootCategory=WARN, file
log4j.appender.file=org.apache.log4j.FileAppender
log4j.appender.file.fileName={file}
log4j.appender.file.layout=org.apache.log4j.PatternLayout
log4j.appender.file.layout.ConversionPattern=%d %p %c: %m%n
"""
DIRECTIVES = """
LoadModule mod_shib {modules}/mod_shib.so
ShibConfig {folder}/shibboleth2.xml
<LocationMatch "^/(index.shtml)?$">
  AuthType shibboleth
  ShibRequestSetting requireSession 1
  Require valid-user
</LocationMatch>
<Location /Shibboleth.sso>
  SetHandler shib
  Require all granted
</Location>
"""


@contextmanager
def daemon(folder: Path) -> Iterator[None]:
    """Run what mod_shib asks to judge responses."""
    command = ["/usr/sbin/shibd", "-F", "-f", "-c", str(folder / "shibboleth2.xml"), "-p", str(folder / "shibd.pid")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        ends = time.monotonic() + 20
        while not (folder / "shibd.sock").exists():
            assert running.poll() is None, running.stdout.read() if running.stdout else ""
            assert time.monotonic() < ends, (folder / "shibd.log").read_text()
            time.sleep(0.02)
        (folder / "shibd.sock").chmod(0o777)
        try:
            yield
        finally:
            running.terminate()


def logged_in(idp: RunningIdp, browser: httpx.Client, url: str, person: Person) -> httpx.Response:
    """Ask for the page, and log in where the service provider sends us."""
    page = person.http.get(browser.get(f"{url}/index.shtml").headers["location"])
    if "SAMLResponse" not in page.text:
        page = person.log_in(page, PERSON)
    action, fields = form_in(page.text)
    back = browser.post(action, data=fields)
    assert back.status_code == 302, back.text
    return browser.get(back.headers["location"])


@pytest.mark.parametrize("settings", [{}, {"saml_encrypt": True}, {"saml_signed": "response"}], ids=str)
def test_mod_shib_logs_a_person_in_and_out(tmp_path: Path, settings: dict[str, object]) -> None:
    apache.install("mod_shib")
    port = apache.free_port()
    with running_idp(tmp_path / "idp") as idp, apache.public_folder() as folder:
        idp.user(PERSON)
        key = new_key_pair("shibboleth", idp.clock())
        (folder / "sp.key").write_bytes(key.private_pem)
        (folder / "sp.pem").write_text(key.certificate_pem)
        (folder / "idp.xml").write_text(idp.http.get("/saml2/metadata").text, "utf-8")
        (folder / "attributes.xml").write_text(ATTRIBUTES)
        for name in ("shibd", "native"):
            (folder / f"{name}.logger").write_text(LOGGER.format(file=folder / f"{name}.log"))
        names = {"folder": folder, "url": f"http://localhost:{port}", "idp": idp.url, "modules": apache.MODULES}
        (folder / "shibboleth2.xml").write_text(CONFIGURATION.format(**names))
        directives = DIRECTIVES.format(**names)
        with daemon(folder), apache.running(folder, port, [], directives) as url, httpx.Client() as browser:
            metadata = browser.get(f"{url}/Shibboleth.sso/Metadata").text
            idp.application(saml_metadata=metadata, **settings)
            person = idp.person()
            assert f"Hello {PERSON}" in logged_in(idp, browser, url, person).text
            out = browser.get(f"{url}/Shibboleth.sso/Logout", params={"return": f"{url}/farewell.html"})
            back = person.http.get(out.headers["location"])
            assert "Goodbye" in browser.get(back.headers["location"], follow_redirects=True).text
            again = browser.get(f"{url}/index.shtml").headers["location"]
            assert "<title>Log in" in person.http.get(again).text
            person.http.close()
