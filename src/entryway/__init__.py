"""Entryway: the single entry point to an application, and everything that stands behind its login."""

__version__ = "0.1.0"
