"""The certificates on disk: kept while they are good, issued anew when they are not."""

from __future__ import annotations

import fcntl
import os
import platform
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from entryway.certificates import Certified
from entryway.landscape.certificates import (
    LOCAL_NAMES,
    new_local_authority,
    new_server_certificate,
    parse,
    renewal_due,
    serves,
)
from entryway.landscape.files import PRIVATE_FILE, private_folder, write_private
from entryway.landscape.state import StateFolder, StateUnusable
from entryway.telemetry import get_logger

log = get_logger(__name__)


def ensure_certificates(state: StateFolder, now: datetime) -> Certified:
    """Return the landscape's authority; it, the server's certificate and the bundle are on disk afterwards."""
    with _alone(state.ca_certificate.parent):
        authority = _kept(state.ca_certificate, state.ca_key)
        if authority and now < (begins := authority.certificate.not_valid_before_utc):
            # A clock that is behind after a start must not take from everybody what they trust.
            raise StateUnusable(
                f"{state.ca_certificate} counts from {begins.isoformat()} on, and the clock says "
                f"{now.isoformat(timespec='seconds')}: set the clock, or remove the file for an authority that "
                "everybody has to trust anew"
            )
        if authority is None or renewal_due(authority.certificate, now):
            authority = new_local_authority(now, platform.node() or "machine")
            _write(authority, state.ca_certificate, state.ca_key)
            log.info("authority_created", file=str(state.ca_certificate))
        ensure_server_certificate(authority, LOCAL_NAMES, state.server_certificate, state.server_key, now)
        _write_bundle(state, authority, os.environ)
    return authority


def ensure_server_certificate(
    authority: Certified, names: Sequence[str], certificate: Path, key: Path, now: datetime
) -> None:
    """Make sure that the files hold a good server certificate for the names."""
    kept = _kept(certificate, key)
    if kept and not renewal_due(kept.certificate, now) and serves(kept.certificate, names, authority):
        return
    private_folder(certificate.parent)
    _write(new_server_certificate(authority, names, now), certificate, key)
    log.info("server_certificate_issued", names=list(names), file=str(certificate))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep the other processes of the landscape from writing halves of another pair at the same time."""
    private_folder(folder)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write_bundle(state: StateFolder, authority: Certified, environ: Mapping[str, str]) -> None:
    # SSL_CERT_FILE and REQUESTS_CA_BUNDLE replace the system's list where they are read, so ours repeats it.
    parts = [authority.certificate_pem.strip()]
    paths = ssl.get_default_verify_paths()
    # What is set already, by a company with an authority of its own, counts for the application as well.
    for name in (
        environ.get("SSL_CERT_FILE"),
        environ.get("REQUESTS_CA_BUNDLE"),
        environ.get("NODE_EXTRA_CA_CERTS"),
        paths.openssl_cafile,
        "/etc/ssl/certs/ca-certificates.crt",
    ):
        if name and Path(name).is_file() and Path(name).resolve() != state.ca_bundle:
            content = Path(name).read_bytes().strip()
            if content not in parts:
                parts.append(content)
    write_private(state.ca_bundle, b"\n".join(parts) + b"\n")


def _kept(certificate: Path, key: Path) -> Certified | None:
    try:
        pems = certificate.read_bytes(), key.read_bytes()
    except FileNotFoundError:
        return None
    key.chmod(PRIVATE_FILE)
    return parse(*pems)


def _write(certified: Certified, certificate: Path, key: Path) -> None:
    write_private(key, certified.key_pem)
    write_private(certificate, certified.certificate_pem)
