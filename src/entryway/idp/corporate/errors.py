"""Why a company's users are not let in."""

from __future__ import annotations

from entryway.errors import Forbidden


class NotKnownHere(Forbidden):
    """The provider vouches for somebody who is not known here, and is not taken in; the reason is for the log."""

    code = "not_known_here"
    title = "You are not known here. Please ask your administrator."
