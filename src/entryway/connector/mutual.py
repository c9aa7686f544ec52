"""Whether a server asked for our certificate and was shown it.

TLS does not tell a client so, and the ssl module has no question for it: a server that never asks completes the
handshake just the same, and then a principal's certificate would travel to a system that cannot know who sends it. The
one way to see it is the observer of handshake messages that the ssl module has for debugging. Where an interpreter does
not have it, nothing counts as mutual, and principals are refused rather than sent blindly.
"""

from __future__ import annotations

import ssl
from weakref import WeakSet

# RFC 8446 §4, RFC 5246 §7.4
_CERTIFICATE_REQUEST = 13
_CERTIFICATE = 11
# Header, request context and the length of an empty list: a longer message holds a certificate.
_EMPTY_CERTIFICATE_BYTES = 8


class MutualTls:
    """Watches the handshakes of one TLS context."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._asked: WeakSet[ssl.SSLObject] = WeakSet()
        self._shown: WeakSet[ssl.SSLObject] = WeakSet()
        if hasattr(context, "_msg_callback"):
            context._msg_callback = self._saw  # noqa: SLF001 - see above

    def proven(self, connection: ssl.SSLObject | None) -> bool:
        """Return whether both ends of this connection showed a certificate."""
        return connection is not None and connection in self._shown

    def _saw(
        self,
        connection: ssl.SSLObject,
        direction: str,
        _version: object,
        _content_type: object,
        message_type: object,
        data: bytes,
    ) -> None:
        if direction == "read" and message_type == _CERTIFICATE_REQUEST:
            self._asked.add(connection)
        # Only what was asked for counts as an answer.
        elif (
            direction == "write"
            and message_type == _CERTIFICATE
            and len(data) > _EMPTY_CERTIFICATE_BYTES
            and connection in self._asked
        ):
            self._shown.add(connection)
