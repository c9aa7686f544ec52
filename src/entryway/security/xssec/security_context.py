"""An older place of the same class."""

from entryway.security.xssec.security_context_xsuaa import SecurityContextXSUAA

SecurityContext = SecurityContextXSUAA

__all__ = ["SecurityContext"]
