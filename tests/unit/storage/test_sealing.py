from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from entryway.connectivity.schema import SCHEMA
from entryway.errors import ConfigurationError
from entryway.storage import Database, Keyring, Sealer, SealError, derive_key
from entryway.storage.digests import Digests
from entryway.storage.schema import Outcome
from entryway.testing.databases import DatabaseUrl, FixedKeyring, contents

KEY = bytes(range(32))
NEW = bytes(reversed(range(32)))


def sealer(root: bytes = KEY) -> Sealer:
    return Sealer(FixedKeyring(root))


@given(st.binary(max_size=200), st.text(max_size=30))
def test_what_was_sealed_comes_back_for_the_same_purpose(plaintext: bytes, purpose: str) -> None:
    assert sealer().unseal(sealer().seal(plaintext, purpose), purpose) == plaintext


def test_the_seal_hides_the_plaintext_and_differs_each_time() -> None:
    first, second = sealer().seal(b"secret value", "x"), sealer().seal(b"secret value", "x")
    assert b"secret value" not in first
    assert first != second


def test_a_value_sealed_for_another_purpose_is_refused() -> None:
    with pytest.raises(SealError):
        sealer().unseal(sealer().seal(b"secret", "signing-key"), "binding-secret")


def test_a_value_sealed_by_another_key_is_refused() -> None:
    with pytest.raises(SealError):
        sealer(bytes(32)).unseal(sealer().seal(b"secret", "x"), "x")


@given(st.integers(min_value=0, max_value=10_000), st.integers(min_value=0, max_value=7))
def test_a_changed_bit_is_noticed(position: int, bit: int) -> None:
    sealed = bytearray(sealer().seal(b"some secret", "x"))
    sealed[position % len(sealed)] ^= 1 << bit
    with pytest.raises(SealError):
        sealer().unseal(bytes(sealed), "x")


@given(st.binary(max_size=60))
def test_what_is_no_sealed_value_is_refused(garbage: bytes) -> None:
    with pytest.raises(SealError):
        sealer().unseal(garbage, "x")


def test_each_purpose_has_its_own_key() -> None:
    assert derive_key(KEY, "a") != derive_key(KEY, "b")
    assert derive_key(KEY, "a") == derive_key(KEY, "a")


def test_a_short_master_key_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="32 bytes"):
        Keyring(b"short")
    with pytest.raises(ConfigurationError, match="32 bytes"):
        Keyring(KEY, [b"short"])


@pytest.fixture
async def database(tmp_path: Path, database_url: DatabaseUrl):
    made = Database(database_url(tmp_path, "connectivity"))
    yield made
    await made.close()


async def opened(database: Database, master_key: bytes, *previous: bytes) -> Keyring:
    keyring = Keyring(master_key, previous)
    await keyring.open(database)
    return keyring


async def test_data_keys_are_made_by_chance_and_lie_sealed(database: Database, tmp_path: Path, database_url) -> None:
    keyring = Keyring(KEY)
    await keyring.open(database, await database.migrate(SCHEMA))
    root_key = keyring.key(keyring.newest, "seal")
    assert root_key != derive_key(KEY, "seal")
    sealed = Sealer(keyring).seal(b"secret", "x")
    assert Sealer(await opened(database, KEY)).unseal(sealed, "x") == b"secret"
    stored = contents(database_url(tmp_path, "connectivity"))
    assert KEY not in stored
    assert root_key not in stored


async def test_another_master_key_opens_nothing(database: Database) -> None:
    await database.migrate(SCHEMA)
    await opened(database, KEY)
    with pytest.raises(SealError, match="another master key"):
        await opened(database, NEW)


async def test_a_new_master_key_takes_over_and_the_old_one_opens_nothing_any_more(database: Database) -> None:
    before = Keyring(KEY)
    await before.open(database, await database.migrate(SCHEMA))
    sealed, digest = Sealer(before).seal(b"secret", "x"), Digests(before, "s").of("p", "a")
    both = Keyring(NEW, [KEY])
    assert await both.open(database) == 1
    assert await both.open(database) == 0
    after = await opened(database, NEW)
    for keyring in (before, both, after):
        # What runs with the old key goes on, and reads what others seal.
        assert Sealer(keyring).unseal(sealed, "x") == b"secret"
        assert Sealer(before).unseal(Sealer(keyring).seal(b"new", "x"), "x") == b"new"
        assert Digests(keyring, "s").of("p", "a") == digest
    with pytest.raises(SealError):
        await opened(database, KEY)


async def test_a_data_key_that_was_changed_is_refused(database: Database) -> None:
    await database.migrate(SCHEMA)
    await opened(database, KEY)
    async with database.engine.begin() as connection:
        await connection.execute(text("UPDATE data_keys SET id = 'ffffffff'"))
    with pytest.raises(SealError, match="ffffffff"):
        await opened(database, KEY)


async def test_what_is_older_than_data_keys_opens_still(database: Database) -> None:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    await database.migrate(SCHEMA)
    keyring = Keyring(KEY)
    await keyring.open(database, Outcome.ADOPTED)
    nonce = bytes(12)
    old = b"\x01" + nonce + AESGCM(derive_key(KEY, "seal")).encrypt(nonce, b"secret", b"\x01x")
    assert Sealer(keyring).unseal(old, "x") == b"secret"
    assert Sealer(await opened(database, NEW, KEY)).unseal(old, "x") == b"secret"
    assert keyring.lasting_key("s-digests") == derive_key(KEY, "s-digests")
