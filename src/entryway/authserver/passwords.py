"""How the authorization server keeps the passwords of its own users."""

from entryway.accounts.passwords import LONGEST, Passwords

__all__ = ["LONGEST", "Passwords"]
