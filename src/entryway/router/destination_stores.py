"""TLS towards a destination that has stores of its own: the certificate to show, and the authorities to believe."""

from __future__ import annotations

import hashlib
import ssl
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from entryway.clients.destinations import FoundDestination
from entryway.clients.tls import REJECT_VARIABLE, load_client_certificate, outgoing_context, unverified_context
from entryway.config.mistakes import ConfigurationMistakes
from entryway.router.errors import DestinationFailed
from entryway.router.java_key_store import JavaKeyStore, is_java_key_store, read_java_key_store
from entryway.router.origins import TlsContexts

SERVICE = "destination service"
AUTHENTICATION = "ClientCertificateAuthentication"
MOST_KEPT = 100
BUNDLES = ("p12", "pfx", "jks")
TEXTS = ("pem", "crt", "cer", "der")


@dataclass(frozen=True, slots=True)
class Store:
    """One store, and the password that opens it."""

    name: str
    content: bytes = field(repr=False)
    password: str = field(repr=False)

    @property
    def form(self) -> str:
        """What the ending of its name says it is."""
        return self.name.rpartition(".")[2].lower()


@dataclass(frozen=True, slots=True)
class DestinationStores:
    """Makes TLS contexts out of stores; the same stores have the same context, so that connections can be shared."""

    new_contexts: Callable[[], TlsContexts]
    """Contexts that nobody else has, for the system's authorities and the environment's."""
    known: OrderedDict[bytes, TlsContexts] = field(default_factory=OrderedDict)

    def contexts(self, found: FoundDestination) -> TlsContexts | None:
        """Return the contexts for a destination, None if it has no store; raise DestinationFailed for a bad one."""
        certified = found.configuration.get("Authentication") == AUTHENTICATION
        keys = _store(found, "KeyStore") if certified else None
        if certified and not found.configuration.get("URL", "").lower().startswith("https:"):
            raise DestinationFailed(SERVICE, f"destination {found.name}: {AUTHENTICATION} needs an https URL")
        if certified and keys is None:
            raise DestinationFailed(SERVICE, f"destination {found.name}: {AUTHENTICATION} without a KeyStoreLocation")
        trust = _store(found, "TrustStore")
        if keys is None and trust is None:
            return None
        digest = hashlib.sha256(
            repr([(it.name, it.content, it.password) for it in (keys, trust) if it]).encode()
        ).digest()
        kept = self.known.get(digest)
        if kept is None:
            kept = self.known[digest] = self._made(found.name, keys, trust)
            if len(self.known) > MOST_KEPT:
                self.known.popitem(last=False)
        return kept

    def _made(self, name: str, keys: Store | None, trust: Store | None) -> TlsContexts:
        contexts = self.new_contexts()
        try:
            for context in (contexts.verified, contexts.unverified):
                if keys is not None:
                    _show(context, keys)
                if trust is not None:
                    _believe(context, trust)
        except (ValueError, TypeError, ssl.SSLError, ConfigurationMistakes):
            # What exactly is wrong may quote what is in the store.
            raise DestinationFailed(SERVICE, f"destination {name}: a store, or its password, cannot be used") from None
        return contexts


def open_stores(environ: Mapping[str, str]) -> DestinationStores:
    """Return the stores of destinations, beside the authorities that the environment names."""
    # Who shows a certificate must know to whom: the switch that believes every server does not count here.
    verifying = {name: value for name, value in environ.items() if name != REJECT_VARIABLE}
    return DestinationStores(lambda: TlsContexts(outgoing_context(verifying), unverified_context()))


def _store(found: FoundDestination, kind: str) -> Store | None:
    location = found.configuration.get(f"{kind}Location")
    if not location:
        return None
    content = next((it.content for it in found.certificates if it.name == location), None)
    if content is None:
        raise DestinationFailed(SERVICE, f"destination {found.name}: its {kind} {location[:100]!r} is not there")
    store = Store(location, content, found.configuration.get(f"{kind}Password", ""))
    if store.form not in BUNDLES + TEXTS:
        known = ", ".join(BUNDLES + TEXTS)
        raise DestinationFailed(SERVICE, f"destination {found.name}: its {kind} is none of {known}")
    return store


def _show(context: ssl.SSLContext, keys: Store) -> None:
    if keys.form in BUNDLES:
        load_client_certificate(context, *_unpacked(keys))
    else:
        load_client_certificate(context, keys.content.decode("ascii"), "", keys.password or None)


def _believe(context: ssl.SSLContext, trust: Store) -> None:
    if trust.form in BUNDLES:
        context.load_verify_locations(cadata=_unpacked(trust)[0])
    elif b"-----BEGIN" in trust.content:
        context.load_verify_locations(cadata=trust.content.decode("ascii"))
    else:
        context.load_verify_locations(cadata=trust.content)


def _unpacked(store: Store) -> tuple[str, str]:
    """Return the certificates and the key of a bundle as PEM text; the key is empty if there is none."""
    # Java itself writes PKCS #12 under the old name, too.
    if is_java_key_store(store.content):
        return _of_java(read_java_key_store(store.content, store.password))
    # A router whose destinations have no stores need not hold it in memory.
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12  # noqa: PLC0415

    bundle = load_pkcs12(store.content, store.password.encode() or None)
    chain = [found.certificate for found in (bundle.cert, *bundle.additional_certs) if found is not None]
    key = None if bundle.key is None else bundle.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return "".join(found.public_bytes(Encoding.PEM).decode() for found in chain), "" if key is None else key.decode()


def _of_java(store: JavaKeyStore) -> tuple[str, str]:
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        Encoding,
        NoEncryption,
        PrivateFormat,
        load_der_private_key,
    )

    certificates = "".join(map(ssl.DER_cert_to_PEM_cert, (*store.chain, *store.trusted)))
    if store.key is None:
        return certificates, ""
    key = load_der_private_key(store.key, None).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificates, key.decode()
