"""The page that a browser gets instead of a protected one: it notes where the user was, then goes to the login.

The script is needed because the part of the address after `#` never reaches a server. Its text is what tools that log
in without a browser look for, so it keeps its form. Cookies belong to all tabs and hold the last one's address; each
tab notes its own besides, for the page that a tab gets which comes back after another one has logged in.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from urllib.parse import quote

from entryway.http import Headers, Response

NOTED = "locationAfterLogin"
"""The name under which a tab notes its address."""
NO_STORE = b"no-cache, no-store, must-revalidate"
POLICY = "script-src 'self' 'nonce-{nonce}'; frame-ancestors *"
EXTENDED_POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors *"
)


@dataclass(frozen=True, slots=True)
class LoginPage:
    """Everything that the page says; `location` is None for the address that the page itself was asked at."""

    authorize_url: str
    signature: str
    cookie_attributes: str
    location: str | None = None
    fragment: str | None = None


def render(page: LoginPage, chance: bytes, *, policy: str | None, set_cookies: list[str]) -> Response:
    """Return the page with a policy that lets exactly its own script run, unless the configuration wants none."""
    nonce = base64.b64encode(chance[:16]).decode()
    end = f";path=/;{page.cookie_attributes}"
    where = "encodeURIComponent(location.href.split('#')[0].split(location.host)[1])"
    fragment = "encodeURIComponent(location.hash)"
    here = "location.href"
    # The host may be named again in the query.
    whole = (
        "var parts=location.href.split('#')[0].split(location.host);"
        'if(parts.length>2)document.cookie="locationAfterLogin="'
        f'+encodeURIComponent(parts.slice(1).join(location.host))+"{end}";'
    )
    if page.location is not None:
        where = _script(page.location)
        fragment = _script(page.fragment or "")
        here, whole = f"decodeURIComponent({where}+{fragment})", ""
    script = (
        f'document.cookie="fragmentAfterLogin="+{fragment}+"{end}";'
        f'document.cookie="locationAfterLogin="+{where}+"{end}";'
        f"{whole}"
        f'try{{sessionStorage.setItem("{NOTED}",{here})}}catch(e){{}}'
        # These two stand together, at the end: tools that log in read them.
        f'document.cookie="signature={quote(page.signature, safe="")}{end}";'
        f"location={_script(page.authorize_url)}"
    )
    return _run(script, nonce, policy=policy, set_cookies=set_cookies)


def render_way_back(home: str, chance: bytes, *, policy: str | None, set_cookies: list[str]) -> Response:
    """Return the page that leads a tab to where it was, if it noted that, else to `home`; never to another origin."""
    script = (
        f"var to=location.origin+{_script(home)};"
        f'try{{var noted=new URL(sessionStorage.getItem("{NOTED}")||to,to);'
        f'if(noted.origin===location.origin)to=noted.href;sessionStorage.removeItem("{NOTED}")}}catch(e){{}}'
        "location.replace(to)"
    )
    return _run(script, base64.b64encode(chance[:16]).decode(), policy=policy, set_cookies=set_cookies)


def _run(script: str, nonce: str, *, policy: str | None, set_cookies: list[str]) -> Response:
    html = (
        '<html><head><link rel="shortcut icon" type="image/x-icon" href="data:image/x-icon;,">'
        f'<script nonce="{nonce}">{script}</script></head></html>'
    )
    headers = [
        (b"content-type", b"text/html"),
        (b"cache-control", NO_STORE),
        *((b"set-cookie", line.encode("latin-1")) for line in set_cookies),
    ]
    if policy is not None:
        headers.append((b"content-security-policy", policy.format(nonce=nonce).encode()))
    return Response(200, Headers(headers), html.encode())


def choose_policy(*, extended: bool, omitted: bool) -> str | None:
    """Return the content security policy of the page, with a place for the nonce; None for no policy at all."""
    if omitted:
        return None
    return EXTENDED_POLICY if extended else POLICY


def _script(text: str) -> str:
    """Write a text as a JavaScript literal that cannot end the script element."""
    return json.dumps(text).replace("<", "\\u003c").replace(">", "\\u003e")
