"""The way from a client's certificate to an authority that is trusted here (RFC 5280 §6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import Criticality, ExtensionPolicy, PolicyBuilder, Store, VerificationError

from entryway.certificates import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cryptography.x509.verification import Policy

_FOR_CLIENTS = {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}


def leads_to_authority(
    certificate: x509.Certificate,
    intermediates: Sequence[x509.Certificate],
    authorities: Sequence[x509.Certificate],
    now: datetime,
) -> bool:
    """Say whether an authority that we trust vouches for a client's certificate, itself or by `intermediates`."""
    if not authorities:
        return False
    policy = PolicyBuilder().store(Store(list(authorities))).time(now)
    verifier = policy.extension_policies(ca_policy=_AUTHORITIES, ee_policy=_CLIENTS).build_client_verifier()
    try:
        verifier.verify(certificate, list(intermediates))
    except (VerificationError, *UNREADABLE):
        return False
    return True


def _may_sign(_policy: Policy, _certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("this key is not for signing certificates")


def _is_for_clients(_policy: Policy, _certificate: x509.Certificate, usage: x509.ExtendedKeyUsage | None) -> None:
    if usage is not None and _FOR_CLIENTS.isdisjoint(usage):
        raise ValueError("the certificate is not for clients")


# Without what browsers ask of servers besides: names that can be resolved, and extensions that a company's own
# authority often lacks. Signatures, time, length of the path and constraints of names are always looked at.
_AUTHORITIES = (
    ExtensionPolicy.permit_all()
    .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
    .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _may_sign)
)
_CLIENTS = ExtensionPolicy.permit_all().may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _is_for_clients)
