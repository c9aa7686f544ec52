"""What changes when tokens must end: eight characters in each token, compared with what they would be now.

Binding secrets are left out: the end of one binding is not the end of everybody's login.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from entryway.authserver.client import Client
    from entryway.authserver.digests import Digests
    from entryway.authserver.users import User

LENGTH = 8
_PURPOSE = "revocation-signature"


def of_client(digests: Digests, client: Client) -> str:
    """Return the signature for a client's own tokens."""
    return _of_client(digests, client.id, client.token_salt)


def of_user(digests: Digests, client: Client, user: User) -> str:
    """Return the signature for a user's tokens: it changes with the password, the name or the e-mail address."""
    return _of_user(digests, client.id, client.token_salt, user)


# Who comes once comes again, and a digest takes as long as everything else that is compared.
@lru_cache(maxsize=10_000)
def _of_client(digests: Digests, client_id: str, token_salt: str) -> str:
    return digests.text(_PURPOSE, client_id, token_salt)[:LENGTH]


@lru_cache(maxsize=10_000)
def _of_user(digests: Digests, client_id: str, client_salt: str, user: User) -> str:
    parts = (client_id, client_salt, user.id, user.password_hash, user.email, user.user_name, user.token_salt)
    return digests.text(_PURPOSE, *parts)[:LENGTH]
