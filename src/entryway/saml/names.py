"""The names that SAML 2.0 fixes: namespaces, bindings, formats, status codes."""

from __future__ import annotations

from typing import Final

PROTOCOL: Final = "urn:oasis:names:tc:SAML:2.0:protocol"
ASSERTION: Final = "urn:oasis:names:tc:SAML:2.0:assertion"
METADATA: Final = "urn:oasis:names:tc:SAML:2.0:metadata"
SIGNATURE: Final = "http://www.w3.org/2000/09/xmldsig#"
ENCRYPTION: Final = "http://www.w3.org/2001/04/xmlenc#"
ENCRYPTION_11: Final = "http://www.w3.org/2009/xmlenc11#"
SCHEMA: Final = "http://www.w3.org/2001/XMLSchema"
SCHEMA_INSTANCE: Final = "http://www.w3.org/2001/XMLSchema-instance"
PREFIXES: Final = {
    "samlp": PROTOCOL,
    "saml": ASSERTION,
    "md": METADATA,
    "ds": SIGNATURE,
    "xenc": ENCRYPTION,
    "xenc11": ENCRYPTION_11,
    "xs": SCHEMA,
    "xsi": SCHEMA_INSTANCE,
}

HTTP_POST: Final = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
HTTP_REDIRECT: Final = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
URI_BINDING: Final = "urn:oasis:names:tc:SAML:2.0:bindings:URI"

BEARER: Final = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
ENTITY_FORMAT: Final = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
UNSPECIFIED: Final = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
EMAIL: Final = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
PERSISTENT: Final = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
TRANSIENT: Final = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
X509_SUBJECT: Final = "urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName"
NAME_ID_FORMATS: Final = (EMAIL, TRANSIENT, PERSISTENT, UNSPECIFIED, X509_SUBJECT)
PROVIDED_NAME_ID_FORMATS: Final = (EMAIL, PERSISTENT, TRANSIENT, UNSPECIFIED)

SUCCESS: Final = "urn:oasis:names:tc:SAML:2.0:status:Success"
RESPONDER: Final = "urn:oasis:names:tc:SAML:2.0:status:Responder"
NO_PASSIVE: Final = "urn:oasis:names:tc:SAML:2.0:status:NoPassive"
AUTHN_FAILED: Final = "urn:oasis:names:tc:SAML:2.0:status:AuthnFailed"
UNKNOWN_PRINCIPAL: Final = "urn:oasis:names:tc:SAML:2.0:status:UnknownPrincipal"
PARTIAL_LOGOUT: Final = "urn:oasis:names:tc:SAML:2.0:status:PartialLogout"

PASSWORD_CONTEXT: Final = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"  # noqa: S105 - a class
BASIC_ATTRIBUTE: Final = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic"


def qualified(name: str) -> str:
    """Return `saml:Issuer` as lxml wants it: `{urn:…}Issuer`."""
    prefix, _, local = name.partition(":")
    return f"{{{PREFIXES[prefix]}}}{local}"
