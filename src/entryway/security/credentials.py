"""What an application must know of itself to judge a token: the credentials of its binding."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from entryway.security.bindings import Binding, default_env, read_bindings
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
    if not isinstance(credentials, Mapping):
        raise BindingMissing("these are no credentials of a binding")
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
    """Return the credentials of the bound authorization server; `UAA_SERVICE_NAME` says which, if there are several."""
    environ = os.environ if environ is None else environ
    bindings = read_bindings(environ, workdir)
    wanted = environ.get("UAA_SERVICE_NAME") or default_env(workdir).get("UAA_SERVICE_NAME")
    if wanted:
        chosen = [binding for binding in bindings if wanted in binding.names]
    else:
        chosen = sorted((binding for binding in bindings if "xsuaa" in binding.tags), key=_rank)
    if not chosen:
        bound = ", ".join(sorted({name for binding in bindings for name in binding.names})) or "nothing"
        what = f'service "{wanted}"' if wanted else "service with the tag xsuaa"
        raise BindingMissing(
            f"no {what} is bound; bound: {bound}"
            " (looked into VCAP_SERVICES, VCAP_SERVICES_FILE_PATH, SERVICE_BINDING_ROOT, default-env.json)"
        )
    return parse_credentials(chosen[0].credentials)


def _rank(binding: Binding) -> int:
    return PLAN_ORDER.index(binding.plan) if binding.plan in PLAN_ORDER else len(PLAN_ORDER)


def _text(credentials: Mapping[str, Any], name: str) -> str:
    value = credentials.get(name)
    return value if isinstance(value, str) else ""
