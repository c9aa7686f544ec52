from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from entryway.certificates import FOR_CLIENTS, FOR_SERVERS, Certified, common_name, issue, new_key
from entryway.oauth.certificate_paths import leads_to_authority

NOW = datetime(2026, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def authority(
    name: str,
    by: Certified | None = None,
    *,
    ca: bool | None = True,
    below: int | None = None,
    signs: bool | None = None,
    until: datetime = NOW + DAY,
) -> Certified:
    """Return an authority as companies make them, often with few extensions."""
    key, subject = new_key(), x509.Name([common_name(name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - DAY)
        .not_valid_after(until)
    )
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=below), critical=True)
    if signs is not None:
        usages = dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign"), False
        )
        builder = builder.add_extension(
            x509.KeyUsage(
                digital_signature=True, key_cert_sign=signs, encipher_only=False, decipher_only=False, **usages
            ),
            critical=True,
        )
    return Certified(builder.sign((by.key if by else key), hashes.SHA256()), key)


def client(by: Certified, usage: x509.ObjectIdentifier = FOR_CLIENTS, now: datetime = NOW) -> x509.Certificate:
    subject = x509.Name([common_name("robot")])
    return issue(by, subject, new_key().public_key(), usage=usage, now=now, lifetime=DAY)


ROOT = authority("Root")


@pytest.mark.parametrize("between", [[], ["one"], ["one", "two"]])
def test_a_way_of_any_length_is_found(between: list[str]) -> None:
    chain = [ROOT]
    for name in between:
        chain.append(authority(name, chain[-1]))
    intermediates = [one.certificate for one in reversed(chain[1:])]
    leaf = client(chain[-1])
    assert leads_to_authority(leaf, intermediates, [ROOT.certificate], NOW)
    assert leads_to_authority(leaf, [], [chain[-1].certificate], NOW)
    assert not leads_to_authority(leaf, intermediates, [authority("Root").certificate], NOW)
    assert not leads_to_authority(leaf, intermediates, [], NOW)
    assert not leads_to_authority(leaf, intermediates, [ROOT.certificate], NOW + 2 * DAY)
    if between:
        assert not leads_to_authority(leaf, intermediates[1:], [ROOT.certificate], NOW)


@pytest.mark.parametrize(
    "wrong",
    [
        {"ca": False},
        {"ca": None},
        {"signs": False},
        {"until": NOW - timedelta(hours=1)},
    ],
)
def test_what_may_not_sign_vouches_for_nobody(wrong: dict) -> None:
    between = authority("between", ROOT, **wrong)
    assert not leads_to_authority(client(between), [between.certificate], [ROOT.certificate], NOW)


def test_an_authority_says_how_many_may_stand_below_it() -> None:
    last = authority("last", ROOT, below=0, signs=True)
    below = authority("below", last)
    assert leads_to_authority(client(last), [last.certificate], [ROOT.certificate], NOW)
    chain = [below.certificate, last.certificate]
    assert not leads_to_authority(client(below), chain, [ROOT.certificate], NOW)


def test_a_certificate_for_servers_is_none_for_clients() -> None:
    assert not leads_to_authority(client(ROOT, FOR_SERVERS), [], [ROOT.certificate], NOW)
