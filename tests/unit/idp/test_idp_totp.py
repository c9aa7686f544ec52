from datetime import UTC, datetime, timedelta

import pytest

from entryway.idp.factors.qr import picture
from entryway.idp.factors.totp import address, code_at, matching_step, readable

SECRET = b"12345678901234567890"


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037")],
)
def test_the_vectors_of_the_standard(seconds: int, code: str) -> None:
    # RFC 6238, appendix B, the last six of its eight digits.
    assert code_at(SECRET, seconds // 30) == code


def test_a_code_is_good_a_step_before_and_after() -> None:
    now = datetime(2030, 1, 1, tzinfo=UTC)
    step = int(now.timestamp()) // 30
    for offset in (-1, 0, 1):
        assert matching_step(SECRET, code_at(SECRET, step + offset), now) == step + offset
    for offset in (-2, 2):
        assert matching_step(SECRET, code_at(SECRET, step + offset), now) is None
    assert matching_step(SECRET, f"{code_at(SECRET, step)[:3]} {code_at(SECRET, step)[3:]}", now + timedelta()) == step
    for wrong in ("", "1", "abcdef", "١٢٣٤٥٦"):
        assert matching_step(SECRET, wrong, now) is None


def test_what_the_picture_says() -> None:
    assert readable(SECRET) == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    said = address(SECRET, "alice & bob@example.com", "The Company")
    assert said.startswith("otpauth://totp/The%20Company%3Aalice%20%26%20bob%40example.com?secret=GEZDGNBVGY3TQOJQ")
    assert "issuer=The%20Company" in said
    assert picture(said).startswith("data:image/svg+xml")
