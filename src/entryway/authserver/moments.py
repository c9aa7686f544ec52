"""The clock of the authorization server, handed in so that a test can say what time it is."""

from entryway.storage.moments import Clock, utc_now

__all__ = ["Clock", "utc_now"]
