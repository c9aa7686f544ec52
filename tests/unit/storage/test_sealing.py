import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.errors import ConfigurationError
from entryway.storage import Sealer, SealError, derive_key

KEY = bytes(range(32))


@given(st.binary(max_size=200), st.text(max_size=30))
def test_what_was_sealed_comes_back_for_the_same_purpose(plaintext: bytes, purpose: str) -> None:
    sealer = Sealer(KEY)
    assert sealer.unseal(sealer.seal(plaintext, purpose), purpose) == plaintext


def test_the_seal_hides_the_plaintext_and_differs_each_time() -> None:
    sealer = Sealer(KEY)
    first, second = sealer.seal(b"secret value", "x"), sealer.seal(b"secret value", "x")
    assert b"secret value" not in first
    assert first != second


def test_a_value_sealed_for_another_purpose_is_refused() -> None:
    sealer = Sealer(KEY)
    with pytest.raises(SealError):
        sealer.unseal(sealer.seal(b"secret", "signing-key"), "binding-secret")


def test_a_value_sealed_by_another_master_key_is_refused() -> None:
    with pytest.raises(SealError):
        Sealer(bytes(32)).unseal(Sealer(KEY).seal(b"secret", "x"), "x")


@given(st.integers(min_value=0, max_value=10_000), st.integers(min_value=0, max_value=7))
def test_a_changed_bit_is_noticed(position: int, bit: int) -> None:
    sealed = bytearray(Sealer(KEY).seal(b"some secret", "x"))
    sealed[position % len(sealed)] ^= 1 << bit
    with pytest.raises(SealError):
        Sealer(KEY).unseal(bytes(sealed), "x")


@given(st.binary(max_size=60))
def test_what_is_no_sealed_value_is_refused(garbage: bytes) -> None:
    with pytest.raises(SealError):
        Sealer(KEY).unseal(garbage, "x")


def test_each_purpose_has_its_own_key() -> None:
    assert derive_key(KEY, "a") != derive_key(KEY, "b")
    assert derive_key(KEY, "a") == derive_key(KEY, "a")


def test_a_short_master_key_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="32 bytes"):
        Sealer(b"short")
