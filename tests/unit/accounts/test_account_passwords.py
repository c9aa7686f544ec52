import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from entryway.accounts.passwords import Passwords, hash_of_nobody


@pytest.fixture
def hasher() -> PasswordHasher:
    return PasswordHasher(time_cost=1, memory_cost=64, parallelism=2, hash_len=24, salt_len=12)


def test_the_hash_of_nobody_is_computed_to_its_end_and_costs_what_others_cost(hasher: PasswordHasher) -> None:
    nobody = hash_of_nobody(hasher)
    assert nobody.split("$")[:4] == hasher.hash("somebody").split("$")[:4]
    assert not hasher.check_needs_rehash(nobody)
    # Not InvalidHashError, which would be said at once.
    with pytest.raises(VerifyMismatchError):
        hasher.verify(nobody, "somebody")
    assert hash_of_nobody(hasher) != nobody


async def test_nobody_is_never_right(hasher: PasswordHasher) -> None:
    passwords = Passwords(hasher)
    try:
        stored = await passwords.hash("right")
        assert await passwords.verify("right", stored)
        assert not await passwords.verify("wrong", stored)
        assert not await passwords.verify("right", None)
        assert not await passwords.verify("", None)
    finally:
        passwords.close()
