"""The clock of the authorization server, handed in so that a test can say what time it is."""

from entryway.storage.moments import Clock, timestamp, utc_now

__all__ = ["Clock", "timestamp", "utc_now"]
