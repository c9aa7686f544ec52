"""TLS of a server that asks each client for a certificate, has it prove the key, and judges nothing else of it.

Python's `ssl` ends the handshake of a client whose certificate no known authority has signed. Certificates that
bindings pin need none, and whose others count differs from one tenant to the next; so OpenSSL is asked here through
pyOpenSSL, which lets the server answer for the chain. Whoever reads `Peer.certificate` knows that the client has its
key, and no more.
"""

from __future__ import annotations

import ssl
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from OpenSSL import SSL, crypto

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cryptography import x509

    ContextOf = Callable[[str], "AskingContext | None"]

_CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20"
# Each connection proves its certificate itself: nothing is resumed that was proved at another time.
_OPTIONS = SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION
_CHUNK = 64 * 1024
HTTP = b"http/1.1"

_Result = TypeVar("_Result")


class AskingContext(ssl.SSLContext):
    """The context of a listener; event loops take nothing but an `SSLContext`, and use `wrap_bio` of it alone."""

    _openssl: SSL.Context
    _issuers: Sequence[x509.Certificate]
    _context_of: ContextOf | None

    def __new__(
        cls,
        certificate: Path,
        key: Path,
        issuers: Sequence[x509.Certificate] = (),
        context_of: ContextOf | None = None,
    ) -> Self:
        """Return a context that proves itself with these PEM files; raise OSError or ssl.SSLError for bad ones.

        `issuers` are named to clients: a browser then asks nobody for a certificate of somebody else. Others are taken
        all the same. `context_of` may give another context for the name that a client asks for; it raises nothing.
        """
        context = super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)
        context._issuers = issuers
        context._context_of = context_of
        context.load_cert_chain(certificate, key)
        return context

    def __init__(
        self,
        certificate: Path,
        key: Path,
        issuers: Sequence[x509.Certificate] = (),
        context_of: ContextOf | None = None,
    ) -> None:
        del certificate, key, issuers, context_of

    def load_cert_chain(self, certfile: Any, keyfile: Any = None, password: Any = None) -> None:
        """Prove itself with these files to whoever connects from now on."""
        del password
        context = _openssl_context(Path(certfile), Path(keyfile or certfile))
        for issuer in self._issuers:
            context.add_client_ca(issuer)
        if self._context_of is not None:
            context.set_tlsext_servername_callback(partial(_prove_by_name, self._context_of))
        self._openssl = context

    def prove(self, connection: SSL.Connection) -> None:
        """Go on as this context in a handshake that has begun as another."""
        connection.set_context(self._openssl)

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,  # noqa: FBT001, FBT002 - as the loop calls it
        server_hostname: str | bytes | None = None,
        session: Any = None,
    ) -> Any:
        """Return one connection's TLS, in the form in which event loops drive it."""
        del server_hostname, session
        if not server_side:
            raise ValueError("an AskingContext is for servers")
        connection = SSL.Connection(self._openssl)
        connection.set_accept_state()
        return _Conversation(connection, self._openssl, incoming, outgoing)


class _Conversation:
    """What asyncio and uvloop use of `ssl.SSLObject`, over a connection of pyOpenSSL."""

    def __init__(
        self, connection: SSL.Connection, first: SSL.Context, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO
    ) -> None:
        self._connection = connection
        # OpenSSL goes on to call what the first context was given when the connection has been given another.
        self._first = first
        self._incoming = incoming
        self._outgoing = outgoing
        self._certificate: bytes | None = None
        self._more = False
        """Whether the last thing done may have left behind something to read."""

    def do_handshake(self) -> None:
        self._drive(self._connection.do_handshake)
        shown = self._connection.get_peer_certificate()
        if shown is not None:
            # As it is: OpenSSL takes what `cryptography` cannot read, and here nobody could tell the client so.
            self._certificate = crypto.dump_certificate(crypto.FILETYPE_ASN1, shown)

    def getpeercert(self, binary_form: bool = False) -> Any:  # noqa: FBT001, FBT002 - as `ssl` has it
        """Return the certificate in DER; in no other form, for what else is in it nobody has verified."""
        return self._certificate if binary_form else {}

    def read(self, length: int = 1024, buffer: Any = None) -> Any:
        try:
            if buffer is not None:
                return self._drive(partial(self._connection.recv_into, buffer, length))
            return self._drive(partial(self._connection.recv, length))
        except ssl.SSLZeroReturnError:
            return 0 if buffer is not None else b""

    def write(self, data: Any) -> int:
        return self._drive(partial(self._connection.send, data))

    def unwrap(self) -> None:
        if not self._drive(self._connection.shutdown):
            raise ssl.SSLWantReadError(ssl.SSL_ERROR_WANT_READ, "the client has not ended TLS yet")

    def pending(self) -> int:
        """Return how much can be read; uvloop reads on while it is not zero."""
        # What `_drive` has taken out of `incoming` cannot be counted before it is decrypted.
        return self._connection.pending() or int(self._more)

    def cipher(self) -> tuple[str | None, str | None, int | None]:
        connection = self._connection
        return connection.get_cipher_name(), connection.get_cipher_version(), connection.get_cipher_bits()

    def compression(self) -> None:
        return None

    def version(self) -> str:
        return self._connection.get_protocol_version_name()

    def selected_alpn_protocol(self) -> None:
        return None

    def _drive(self, act: Callable[[], _Result]) -> _Result:
        """Do one thing with what has come, and send what it has to say, an alert included."""
        connection = self._connection
        if self._incoming.pending:
            connection.bio_write(self._incoming.read())
        self._more = True
        try:
            return act()
        except SSL.WantReadError as error:
            self._more = False
            raise ssl.SSLWantReadError(ssl.SSL_ERROR_WANT_READ, "more must come first") from error
        except SSL.ZeroReturnError as error:
            raise ssl.SSLZeroReturnError(ssl.SSL_ERROR_ZERO_RETURN, "the client has ended TLS") from error
        except SSL.SysCallError as error:
            raise ssl.SSLEOFError(ssl.SSL_ERROR_EOF, "the client went away") from error
        except SSL.Error as error:
            raise ssl.SSLError(ssl.SSL_ERROR_SSL, f"TLS failed: {_reason(error)}") from error
        finally:
            self._send()

    def _send(self) -> None:
        try:
            while True:
                self._outgoing.write(self._connection.bio_read(_CHUNK))
        except SSL.WantReadError:
            return


def _openssl_context(certificate: Path, key: Path) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(_OPTIONS)
    context.set_cipher_list(_CIPHERS)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    # Without a name, a client that would resume is cut off rather than asked to begin anew.
    context.set_session_id(b"entryway")
    context.set_verify(SSL.VERIFY_PEER, _accept_any)
    context.set_alpn_select_callback(_choose_protocol)
    try:
        context.use_certificate_chain_file(str(certificate))
        context.use_privatekey_file(str(key))
        context.check_privatekey()
    except SSL.Error as error:
        raise ssl.SSLError(ssl.SSL_ERROR_SSL, f"{certificate}, {key}: {_reason(error)}") from error
    return context


def _accept_any(*_verdict: object) -> bool:
    """Take every chain; that the client has the key of its certificate, OpenSSL has it prove in any case."""
    return True


def _choose_protocol(_connection: SSL.Connection, offered: list[bytes]) -> Any:
    return HTTP if HTTP in offered else SSL.NO_OVERLAPPING_PROTOCOLS


def _prove_by_name(context_of: ContextOf, connection: SSL.Connection) -> None:
    name = connection.get_servername()
    other = context_of(name.decode("ascii", "replace")) if name else None
    if other is not None:
        other.prove(connection)


def _reason(error: SSL.Error) -> str:
    """Return OpenSSL's words for what went wrong."""
    return "; ".join(str(entry[-1]) for entry in error.args[0]) if error.args and error.args[0] else "no reason given"
