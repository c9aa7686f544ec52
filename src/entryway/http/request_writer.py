"""A request on its way to an upstream, as far as that can be said before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entryway.http import heads

if TYPE_CHECKING:
    from entryway.http.messages import OutgoingRequest


def head_of(request: OutgoingRequest) -> tuple[bytes, bool]:
    """Return the head, and whether the body is chunked; raise ValueError when it cannot be sent."""
    origin = request.origin
    framing, chunked = heads.request_framing(request.method, request.body)
    if request.upgrade is not None and request.upgrade != "connect":
        framing += heads.upgrade_framing(request.upgrade)
    target = request.target.encode("latin-1")
    if origin.target_prefix and target.startswith(b"/"):
        target = origin.target_prefix + target
    fields = request.fields
    if fields is None:
        fields = heads.request_fields(request.headers, origin.authority)
    return heads.request_head(request.method, target, fields, framing), chunked
