"""What third-party clients of the authorization server are given: a server, an application and a person."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from joserfc.jwk import RSAKey

from entryway.testing.authserver import REDIRECT_URI, BoundApplication, RunningAuthServer, running_authserver

PERSON, PASSWORD = "pia@example.com", "correct horse battery"


@dataclass(frozen=True)
class Landscape:
    """An authorization server with one application, whose key `signing_key` is, and one user of it."""

    server: RunningAuthServer
    application: BoundApplication
    signing_key: RSAKey = field(repr=False)

    @property
    def issuer(self) -> str:
        return f"{self.server.url}/oauth/token"

    def log_in(self, authorization_url: str) -> str:
        """Follow a client's link as a person would, and return the address that the client is called back at."""
        browser = self.server.browser()
        try:
            page = browser.http.get(authorization_url)
            assert page.status_code == 200, page.text
            answer = browser.submit(page, PERSON, PASSWORD)
        finally:
            browser.http.close()
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    def ended(self, access_token: str) -> bool:
        """Say whether the server holds a token for invalid."""
        asked = {"authorization": f"Bearer {access_token}"}
        answer: httpx.Response = self.server.http.get("/userinfo", headers=asked)
        assert answer.status_code in {200, 401}
        return answer.status_code == 401


@contextmanager
def landscape(folder: Path) -> Iterator[Landscape]:
    key = RSAKey.generate_key(2048, {"kid": "of-the-client", "alg": "RS256", "use": "sig"})
    # The server itself asks other servers of the test, too.
    with running_authserver(folder, ca_file=folder / "ca" / "ca.pem") as server:
        application = server.deploy(
            {
                "xsappname": "peer",
                "scopes": [{"name": "$XSAPPNAME.Display"}],
                "role-templates": [{"name": "Viewer", "scope-references": ["$XSAPPNAME.Display"]}],
                "role-collections": [{"name": "Viewers", "role-template-references": ["$XSAPPNAME.Viewer"]}],
                "oauth2-configuration": {
                    "redirect-uris": [REDIRECT_URI],
                    "jwks": {"keys": [key.as_dict(private=False)]},
                },
            }
        )
        server.user(PERSON, PASSWORD, ["Viewers"])
        yield Landscape(server, application, key)
