"""What `entryway.security` costs a backend: judging a token beside the raw signature check, and beside sap-xssec.

python benchmarks/security.py [--tokens 400] [--rounds 5]

User tokens as the authorization server issues them, with attributes and role collections. All subjects judge the same
tokens, one after the other in one process, with the keys at hand; no network is measured. `raw` is what nobody can do
without: the RSA-2048 verification, and parsing the JSON of header and claims; `kept` adds what keeping its results
costs, as whoever remembers tokens must (memory, and the garbage collector, which looks at it). The best of several
rounds counts, as CPU time of this process. Start-up is what a new interpreter that imports the library takes, less one
that imports nothing; the median of ten.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from entryway.security import TokenValidator, parse_credentials
from entryway.testing.issuer import Issuer, running_issuer

ATTRIBUTES = {"country": ["DE", "FR"], "costcenter": ["1000", "2000"]}
COLLECTIONS = {"xs.rolecollections": [f"Role collection {number}" for number in range(8)]}
SCOPES = ["Display", "Edit", "Approve", "Administer"]
STARTS = 10


def tokens(issuer: Issuer, count: int) -> list[str]:
    more = {"xs.user.attributes": ATTRIBUTES, "xs.system.attributes": COLLECTIONS}
    return [issuer.token(user=f"user{number}", scopes=SCOPES, **more) for number in range(count)]


def cost(work: Callable[[str], object], subjects: Sequence[str]) -> float:
    """Return the CPU time of one call in microseconds."""
    begin = time.process_time()
    for token in subjects:
        work(token)
    return (time.process_time() - begin) / len(subjects) * 1e6


def raw_work(issuer: Issuer, subjects: Sequence[str], *, decoding: bool) -> Callable[[str], object]:
    """Return verification and parsing alone; without `decoding`, Base64 has been read before."""
    key = load_pem_public_key(issuer.keys[0].pem.encode())
    padding, digest = PKCS1v15(), SHA256()

    def decoded(part: str) -> bytes:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))

    def read(token: str) -> tuple[bytes, bytes, bytes, bytes]:
        header, claims, signature = token.split(".")
        return f"{header}.{claims}".encode(), decoded(signature), decoded(header), decoded(claims)

    prepared = {token: read(token) for token in subjects}

    def work(token: str) -> object:
        signed, signature, header, claims = read(token) if decoding else prepared[token]
        key.verify(signature, signed, padding, digest)
        return json.loads(header), json.loads(claims)

    return work


def keeping(work: Callable[[str], object]) -> Callable[[str], object]:
    """Return the work with its results kept by token."""
    held: dict[str, object] = {}

    def keep(token: str) -> None:
        held[token] = work(token)

    return keep


def asking(validator: TokenValidator) -> Callable[[str], object]:
    """Return judging with a look at the claims."""
    return lambda token: validator.validate(token).claims


def start_up(module: str) -> tuple[float, float]:
    """Return CPU and wall time of an import in milliseconds, beyond those of the bare interpreter."""

    def once(code: str) -> tuple[float, float]:
        before, begin = os.times(), time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        after = os.times()
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        return cpu * 1e3, (time.perf_counter() - begin) * 1e3

    bare, with_it = ([once(code) for _ in range(STARTS)] for code in ("pass", f"import {module}"))
    cpu, wall = (statistics.median(row[kind] for row in with_it) for kind in (0, 1))
    return cpu - statistics.median(row[0] for row in bare), wall - statistics.median(row[1] for row in bare)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--tokens", type=int, default=400)
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_issuer(Path(folder)) as issuer:
        os.environ |= {"SSL_CERT_FILE": str(issuer.ca_file), "NO_PROXY": "localhost"}
        from sap import xssec  # noqa: PLC0415 - it must find the authority above

        credentials = issuer.credentials()
        subjects = tokens(issuer, given.tokens)
        raw = raw_work(issuer, subjects, decoding=False)
        decoding = raw_work(issuer, subjects, decoding=True)
        best: dict[str, float] = {}
        for _ in range(given.rounds):
            # A new one has judged none of these; a token of its own makes it fetch the keys beforehand.
            validator = TokenValidator(parse_credentials(credentials))
            validator.validate(issuer.token(user="somebody else"))
            xssec.create_security_context(issuer.token(user="somebody else"), credentials)
            figures = {
                "raw": cost(raw, subjects),
                "raw, and reading Base64": cost(decoding, subjects),
                "raw, reading Base64, results kept": cost(keeping(decoding), subjects),
                "entryway.security, a new token": cost(validator.validate, subjects),
                "entryway.security, a token seen before": cost(validator.validate, subjects),
                "... and its claims asked for first": cost(asking(validator), subjects),
                "sap-xssec, any token": cost(lambda token: xssec.create_security_context(token, credentials), subjects),
            }
            best = {name: min(figure, best.get(name, figure)) for name, figure in figures.items()}
    print(f"{len(subjects)} tokens of {len(subjects[0])} characters, Python {sys.version.split()[0]}\n")
    print(f"{'':<42}{'CPU us':>10}{'x raw':>9}")
    for name, figure in best.items():
        print(f"{name:<42}{figure:>10.1f}{figure / best['raw']:>9.2f}")
    print()
    for module in ("entryway.security", "entryway.security.xssec", "sap.xssec"):
        cpu, wall = start_up(module)
        print(f"{'import ' + module:<42}{cpu:>7.0f} ms of CPU{wall:>7.0f} ms passed")


if __name__ == "__main__":
    main()
