"""The two secrets that a landscape starts from: the master key of its databases, and its platform client's secret."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass, field

from entryway.landscape.files import write_private
from entryway.landscape.state import StateFolder, StateUnusable

MASTER_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Secrets:
    """What must never be in a log; `master_key` seals the secrets in the databases."""

    master_key: bytes = field(repr=False)
    platform_client_secret: str = field(repr=False)
    # Master keys that may still seal something, while a new one takes over.
    previous_master_keys: tuple[bytes, ...] = field(default=(), repr=False)


def load_or_create_secrets(state: StateFolder) -> Secrets:
    """Return the landscape's secrets, made by chance the first time."""
    if state.secrets_file.exists():
        return load_secrets(state)
    if any(state.data.glob("*.db")):
        # New secrets would open nothing in the old databases, and every error after that would mislead.
        raise StateUnusable(
            f"{state.secrets_file} is missing although {state.data} holds databases that need it; "
            f"bring it back, or remove {state.root} to start anew"
        )
    made = Secrets(secrets.token_bytes(MASTER_KEY_BYTES), secrets.token_urlsafe(32))
    save_secrets(state, made)
    return made


def save_secrets(state: StateFolder, known: Secrets) -> None:
    """Write the landscape's secrets, in one step."""
    document: dict[str, object] = {
        "master_key": base64.b64encode(known.master_key).decode(),
        "platform_client_secret": known.platform_client_secret,
    }
    if known.previous_master_keys:
        document["previous_master_keys"] = [base64.b64encode(key).decode() for key in known.previous_master_keys]
    write_private(state.secrets_file, json.dumps(document, indent=2).encode())


def load_secrets(state: StateFolder) -> Secrets:
    """Return the landscape's secrets, or raise if there are none."""
    try:
        document = json.loads(state.secrets_file.read_bytes())
        key = base64.b64decode(document["master_key"], validate=True)
        previous = tuple(base64.b64decode(text, validate=True) for text in document.get("previous_master_keys", []))
        client_secret = document["platform_client_secret"]
    except FileNotFoundError as error:
        raise StateUnusable(f"{state.secrets_file} does not exist; run `entryway up` first") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StateUnusable(f"{state.secrets_file} cannot be read: {type(error).__name__}") from error
    whole = all(len(each) == MASTER_KEY_BYTES for each in (key, *previous))
    if not whole or not isinstance(client_secret, str) or not client_secret:
        raise StateUnusable(f"{state.secrets_file} is damaged; bring it back, or remove {state.root} to start anew")
    return Secrets(key, client_secret, previous)
