"""The headers that every answer has, and the one that a page for other sites' frames must not have."""

from __future__ import annotations

import pytest

from entryway.web.edge import Edge

POLICY = b"content-security-policy"


async def answered(*headers: tuple[bytes, bytes], host: bytes = b"localhost") -> dict[bytes, bytes]:
    async def app(scope: dict, receive: object, send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": 200, "headers": list(headers)})
        await send({"type": "http.response.body", "body": b""})

    sent: list[dict] = []

    async def send(message: dict) -> None:
        sent.append(message)

    await Edge(app)({"type": "http", "headers": [(b"host", host)], "path": "/"}, None, send)
    assert len(sent[0]["headers"]) == len(dict(sent[0]["headers"]))
    return dict(sent[0]["headers"])


@pytest.mark.parametrize(
    "headers",
    [
        (),
        ((POLICY, b"default-src 'none'; frame-ancestors 'none'"),),
        ((POLICY, b"sandbox"),),
        ((b"Cache-Control", b"public"),),
    ],
)
async def test_an_answer_is_protected_and_in_no_frame(headers: tuple[tuple[bytes, bytes], ...]) -> None:
    found = await answered(*headers)
    assert found[b"x-frame-options"] == b"DENY"
    assert found[b"x-content-type-options"] == b"nosniff"
    assert found.get(POLICY)
    assert all(found[name] == value for name, value in headers)


async def test_where_a_policy_names_sites_no_other_header_says_otherwise() -> None:
    found = await answered((POLICY, b"default-src 'none'; frame-ancestors https://app.example.com"))
    assert b"x-frame-options" not in found
    assert found[b"referrer-policy"] == b"no-referrer"


PAGE = ((POLICY, b"default-src 'none'"),)


@pytest.mark.parametrize(
    ("host", "headers", "told"),
    [
        (b"accounts.example.com", PAGE, b"max-age=31536000"),
        (b"acme.accounts.example.com:8443", PAGE, b"max-age=31536000"),
        (b"accounts.example.com", (), None),
        (b"localhost:8443", PAGE, None),
        (b"dev.localhost:8443", PAGE, None),
        (b"127.0.0.1:8443", PAGE, None),
        (b"[::1]:8443", PAGE, None),
        (b"[::1]", PAGE, None),
        (b"", PAGE, None),
    ],
)
async def test_pages_of_hosts_with_a_name_are_for_https_alone(
    host: bytes, headers: tuple[tuple[bytes, bytes], ...], told: bytes | None
) -> None:
    assert (await answered(*headers, host=host)).get(b"strict-transport-security") == told
