"""A user's token becomes a certificate that the system believes."""

import base64
import ssl

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from entryway.testing.onpremise import OnPremise, erp


async def test_the_system_answers_as_the_user(world: OnPremise) -> None:
    async with erp(world) as system:
        answer = await world.get("/orders?$top=1", user=world.issuer.token(user="alex"))

    assert (answer.status, answer.body) == (200, b'{"ok": true}')
    (seen,) = system.upstream.requests
    assert seen.target == "/orders?$top=1"
    user = x509.load_der_x509_certificate(base64.b64decode(seen.headers.get(b"ssl_client_cert") or b""))
    assert user.subject.rfc4514_string() == "CN=alex"
    ca = x509.load_pem_x509_certificate((world.config.parent / "principal-ca.pem").read_bytes())
    user.verify_directly_issued_by(ca)
