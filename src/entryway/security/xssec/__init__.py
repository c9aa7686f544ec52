"""The interface that Python applications are written against already: only the import changes.

    from entryway.security import xssec                 # was: from sap import xssec

    context = xssec.create_security_context(token, credentials)

Names, arguments, return values and kinds of exceptions are those of `sap-xssec`; docs/backends.md has what is stricter.
"""

from collections.abc import Mapping
from typing import Any

from entryway.security.xssec.security_context_ias import SecurityContextIAS
from entryway.security.xssec.security_context_xsuaa import SecurityContextXSUAA


def create_security_context_xsuaa(token: str, service_credentials: Mapping[str, Any]) -> SecurityContextXSUAA:
    """Return what a token of the authorization server says, or raise ValueError or RuntimeError."""
    return SecurityContextXSUAA(token, service_credentials)


def create_security_context_ias(token: str, service_credentials: Mapping[str, Any]) -> SecurityContextIAS:
    """Return what a token of the identity service says, or raise ValueError or RuntimeError."""
    return SecurityContextIAS(token, service_credentials)


create_security_context = create_security_context_xsuaa

create_security_context_async = SecurityContextXSUAA.create_async
create_security_context_ias_async = SecurityContextIAS.create_async

__all__ = [
    "SecurityContextIAS",
    "SecurityContextXSUAA",
    "create_security_context",
    "create_security_context_async",
    "create_security_context_ias",
    "create_security_context_ias_async",
    "create_security_context_xsuaa",
]
