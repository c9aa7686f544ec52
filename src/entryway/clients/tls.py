"""The one place that decides which servers we believe when we call them over TLS.

The certificates of every variable below are added to those of the system: a developer's own certificate authority must
not make the rest of the world unreachable, as it does where such a variable replaces the list.
"""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path

from entryway.config.mistakes import ConfigurationMistakes, Mistake
from entryway.http.file_for_ssl import file_for_ssl
from entryway.telemetry import get_logger

CA_VARIABLES = ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE")
CA_LIST_VARIABLE = "XS_CACERT_PATH"
REJECT_VARIABLE = "NODE_TLS_REJECT_UNAUTHORIZED"

log = get_logger(__name__)


def outgoing_context(environ: Mapping[str, str], *, ca_files: Iterable[Path] = ()) -> ssl.SSLContext:
    """Return the TLS context for outgoing calls: the system's authorities, the environment's and `ca_files`."""
    if environ.get(REJECT_VARIABLE) == "0":
        log.warning(
            "tls_verification_disabled",
            setting=f"{REJECT_VARIABLE}=0",
            consequence="anyone on the network can read and change what is sent, tokens and passwords included",
        )
        return unverified_context()
    context = _context()
    # Several variables often name one bundle, the system's own, which takes OpenSSL 20 ms to read.
    loaded = _load_system(context)
    named = [(setting, Path(path)) for setting, path in _named_files(environ)] + [
        ("ca_file", path) for path in ca_files
    ]
    mistakes = [found for setting, path in named if (found := _load(context, path, setting, loaded)) is not None]
    if mistakes:
        raise ConfigurationMistakes(mistakes)
    return context


def unverified_context() -> ssl.SSLContext:
    """Return a context that believes every server; only where a setting of the user says so by name."""
    context = _context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def load_client_certificate(context: ssl.SSLContext, certificate: str, key: str, password: str | None = None) -> None:
    """Make `context` prove who we are with a certificate chain and its key, both PEM text."""
    with file_for_ssl(f"{certificate}\n{key}\n") as name:
        try:
            # Without a password OpenSSL would ask for one on the terminal.
            context.load_cert_chain(name, password=password or "")
        except (ssl.SSLError, OSError) as error:
            rule = "the certificate and key of the client cannot be used together"
            raise ConfigurationMistakes([Mistake("client certificate", "", f"{rule}: {error}")]) from error


def extra_authorities(environ: Mapping[str, str]) -> str:
    """Return the certificates that the environment adds to the system's, for a library that makes its own context."""
    outgoing_context(environ)  # names every mistake in the variables
    texts = []
    for _, name in _named_files(environ):
        path = Path(name)
        files = [path] if path.is_file() else sorted(path.iterdir()) if path.is_dir() else []
        texts += [file.read_text("latin-1") for file in files if file.is_file()]
    return "\n".join(text for text in texts if "BEGIN" in text)


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _load_system(context: ssl.SSLContext) -> set[str]:
    # Not load_default_certs(): OpenSSL lets SSL_CERT_FILE replace the system's list there.
    paths = ssl.get_default_verify_paths()
    loaded = set()
    if Path(paths.openssl_cafile).is_file():
        context.load_verify_locations(cafile=paths.openssl_cafile)
        loaded.add(os.path.realpath(paths.openssl_cafile))
    if paths.openssl_capath and Path(paths.openssl_capath).is_dir():
        context.load_verify_locations(capath=paths.openssl_capath)
        loaded.add(os.path.realpath(paths.openssl_capath))
    if not loaded:
        import certifi  # noqa: PLC0415 - only systems without a list of their own need it

        context.load_verify_locations(cafile=certifi.where())
    return loaded


def _named_files(environ: Mapping[str, str]) -> list[tuple[str, str]]:
    files = [(name, environ[name]) for name in CA_VARIABLES if environ.get(name)]
    return files + [(CA_LIST_VARIABLE, path) for path in _list(environ.get(CA_LIST_VARIABLE, ""))]


def _list(value: str) -> list[str]:
    if value.startswith("["):
        try:
            paths = json.loads(value)
        except (ValueError, RecursionError):
            paths = None
        if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            raise ConfigurationMistakes([Mistake(CA_LIST_VARIABLE, "", "must be a list of file names")])
        return paths
    return [path for path in value.split(os.pathsep) if path]


def _load(context: ssl.SSLContext, path: Path, setting: str, loaded: set[str]) -> Mistake | None:
    try:
        real = os.path.realpath(path)
        if real in loaded:
            return None
        if path.is_dir():
            context.load_verify_locations(capath=path)
        else:
            context.load_verify_locations(cafile=path)
        loaded.add(real)
    except FileNotFoundError:
        return Mistake(setting, "", f"{path} does not exist")
    except (ssl.SSLError, OSError, ValueError) as error:
        return Mistake(setting, "", f"{path} holds no usable certificates: {error}")
    return None
