"""Who a token speaks for, and the subject that a certificate about them has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from entryway.config.mistakes import ConfigurationMistakes, Mistake
from entryway.tunnel.failures import PrincipalNotIssued

# In this order; the first that is a text wins.
BUSINESS_NAME = ("user_name", "email", "mail", "user_uuid", "sub")
TECHNICAL_NAME = ("client_id", "cid", "sub", "azp")

_ATTRIBUTES = {
    "CN": NameOID.COMMON_NAME,
    "EMAIL": NameOID.EMAIL_ADDRESS,
    "L": NameOID.LOCALITY_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "ST": NameOID.STATE_OR_PROVINCE_NAME,
    "C": NameOID.COUNTRY_NAME,
}
_VARIABLE = re.compile(r"\$\{([A-Za-z0-9_.:/-]{1,100})\}")
_VALUE_LIMIT = 256


@dataclass(frozen=True, slots=True)
class SubjectPattern:
    """The parts of a subject, each with variables in its value: `CN=${name},O=Example`."""

    parts: tuple[tuple[str, str], ...]

    def subject(self, claims: Mapping[str, Any]) -> x509.Name:
        """Return the subject for these claims; raise if one that the pattern needs is missing."""
        attributes = []
        for name, template in self.parts:
            value = _VARIABLE.sub(lambda found: _resolve(found[1], claims), template)
            # What a directory or a mapping rule would read as the end of the value must not come from a token; nor what
            # it does not see: X.509 compares names without the blanks around them (RFC 5280 §7.1).
            if not value or value != value.strip() or len(value) > _VALUE_LIMIT or not value.isprintable():
                raise PrincipalNotIssued(
                    detail=f"the value of {name} is empty, too long, or has characters or blanks that nobody sees"
                )
            try:
                attributes.append(x509.NameAttribute(_ATTRIBUTES[name], value))
            except ValueError as error:
                raise PrincipalNotIssued(
                    detail=f"{name} cannot have the value that the token gives: {error}"
                ) from error
        return x509.Name(attributes)


def parse_pattern(text: str, file: str) -> SubjectPattern:
    """Return the pattern, or raise with what is wrong about it."""
    parts = []
    mistakes = []
    for part in text.split(","):
        name, separator, template = part.strip().partition("=")
        if not separator or name.strip().upper() not in _ATTRIBUTES or not template.strip():
            known = ", ".join(_ATTRIBUTES)
            rule = f"{part.strip()!r} is not one of {known} followed by = and a value"
            mistakes.append(Mistake(file, "/principal_propagation/subject_pattern", rule))
        elif "$" in _VARIABLE.sub("", template):
            rule = f"{part.strip()!r} has a $ that begins no variable"
            mistakes.append(Mistake(file, "/principal_propagation/subject_pattern", rule, "write ${name}"))
        else:
            parts.append((name.strip().upper(), template.strip()))
    if mistakes:
        raise ConfigurationMistakes(mistakes)
    return SubjectPattern(tuple(parts))


def user_type(claims: Mapping[str, Any]) -> str:
    """Return `Technical` for a token that no user stands behind, else `Business`."""
    return "Technical" if claims.get("grant_type") == "client_credentials" else "Business"


def principal_name(claims: Mapping[str, Any]) -> str:
    """Return what `${name}` stands for, or raise if the token names nobody."""
    names = TECHNICAL_NAME if user_type(claims) == "Technical" else BUSINESS_NAME
    for name in names:
        value = claims.get(name)
        if isinstance(value, str) and value:
            return value
    raise PrincipalNotIssued(detail=f"the token has none of {', '.join(names)}")


def _resolve(variable: str, claims: Mapping[str, Any]) -> str:
    if variable == "name":
        return principal_name(claims)
    if variable == "user_type":
        return user_type(claims)
    value = claims.get(variable.removeprefix("cp."))
    attributes = claims.get("xs.user.attributes")
    # Attributes that administrators gave a user stand before the token's own claims; `cp.` asks for the latter.
    if not variable.startswith("cp.") and isinstance(attributes, Mapping) and variable in attributes:
        value = attributes[variable]
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, str) and value:
        return value
    raise PrincipalNotIssued(detail=f"the token has no text {variable!r}")
