"""What an application must know of itself to judge a token: the credentials of its binding."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from entryway.security.errors import BindingMissing

# A binding of plan `application` is the application itself; the others are further clients of it.
PLAN_ORDER = ("application", "broker", "space", "default")


@dataclass(frozen=True, slots=True)
class ServiceCredentials:
    """Who we are to the authorization server, and which host gives out its keys."""

    clientid: str
    xsappname: str
    key_domain: str
    url: str = ""
    zone_id: str = ""
    tenantmode: str = "dedicated"
    trustedclientidsuffix: str = ""
    clientsecret: str = field(default="", repr=False)
    further_audiences: frozenset[str] = frozenset()

    @property
    def expected_zone(self) -> str | None:
        """The only tenant whose tokens we accept, or None if the application serves several."""
        return (self.zone_id or None) if self.tenantmode == "dedicated" else None

    @property
    def own_audiences(self) -> frozenset[str]:
        return self.further_audiences | {self.clientid, self.xsappname}


def parse_credentials(credentials: Mapping[str, Any]) -> ServiceCredentials:
    """Return the credentials of a binding, or raise naming what is missing."""
    wrong = [name for name in ("clientid", "xsappname") if not _text(credentials, name)]
    url = _text(credentials, "url")
    domain = _text(credentials, "uaadomain") or url
    key_domain = urlsplit(domain).netloc if "://" in domain else domain.strip("/")
    if not key_domain or any(character in key_domain for character in "/?#@\\ "):
        wrong.append("uaadomain or url")
    if wrong:
        raise BindingMissing(f"the binding lacks {', '.join(wrong)}")
    zones = (_text(credentials, name) for name in ("identityzoneid", "zoneid", "tenantid"))
    return ServiceCredentials(
        clientid=_text(credentials, "clientid"),
        xsappname=_text(credentials, "xsappname"),
        key_domain=key_domain,
        url=url,
        zone_id=next((zone for zone in zones if zone), ""),
        tenantmode=_text(credentials, "tenantmode") or "dedicated",
        trustedclientidsuffix=_text(credentials, "trustedclientidsuffix"),
        clientsecret=_text(credentials, "clientsecret"),
    )


def find_credentials(environ: Mapping[str, str] | None = None, workdir: Path | None = None) -> ServiceCredentials:
    """Return what `VCAP_SERVICES` says, from the environment, the file it names, or `default-env.json`."""
    environ = os.environ if environ is None else environ
    defaults = _default_env((workdir or Path.cwd()) / "default-env.json")
    services = _services(environ, defaults)
    bindings = [
        entry
        for entries in services.values()
        if isinstance(entries, list)
        for entry in entries
        if isinstance(entry, dict) and isinstance(entry.get("credentials"), dict)
    ]
    wanted = environ.get("UAA_SERVICE_NAME") or defaults.get("UAA_SERVICE_NAME")
    if wanted:
        chosen = [entry for entry in bindings if wanted in {entry.get("name"), entry.get("instance_name")}]
    else:
        tagged = [entry for entry in bindings if "xsuaa" in (entry.get("tags") or [])]
        chosen = sorted(tagged, key=lambda entry: _rank(entry.get("plan")))
    if not chosen:
        what = f'service "{wanted}"' if wanted else "service with the tag xsuaa"
        raise BindingMissing(f"no {what} is bound (VCAP_SERVICES, VCAP_SERVICES_FILE_PATH, default-env.json)")
    return parse_credentials(chosen[0]["credentials"])


def _services(environ: Mapping[str, str], defaults: Mapping[str, Any]) -> dict[str, Any]:
    text: Any = environ.get("VCAP_SERVICES")
    if not text and (path := environ.get("VCAP_SERVICES_FILE_PATH")):
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise BindingMissing(f"VCAP_SERVICES_FILE_PATH: {path} cannot be read") from error
    text = text or defaults.get("VCAP_SERVICES") or "{}"
    services = text if isinstance(text, dict) else _json(text, "VCAP_SERVICES")
    if not isinstance(services, dict):
        raise BindingMissing("VCAP_SERVICES is not a JSON object")
    return services


def _default_env(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BindingMissing("default-env.json cannot be read") from error
    content = _json(text, "default-env.json")
    if not isinstance(content, dict):
        raise BindingMissing("default-env.json is not a JSON object")
    return content


def _json(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        # The text holds secrets, which the original error would show.
        raise BindingMissing(f"{name} is not JSON") from None


def _rank(plan: object) -> int:
    return PLAN_ORDER.index(plan) if isinstance(plan, str) and plan in PLAN_ORDER else len(PLAN_ORDER)


def _text(credentials: Mapping[str, Any], name: str) -> str:
    value = credentials.get(name)
    return value if isinstance(value, str) else ""
