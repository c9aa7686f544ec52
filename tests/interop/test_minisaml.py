"""minisaml, unmodified, as a service provider that takes one signature only."""

from __future__ import annotations

import base64
import re
import warnings
from pathlib import Path

import pytest
from cryptography.x509 import load_der_x509_certificate

from entryway.testing.idp import RunningIdp, running_idp
from entryway.testing.saml_provider import form_in

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what a library warns of at its import is its own business
    from minisaml.request import get_request_redirect_url
    from minisaml.response import validate_response
    from minisignxml.errors import MultipleElementsFound, VerificationFailed

pytestmark = pytest.mark.peers
ENTITY_ID, CONSUMER = "https://shop.example/saml", "https://shop.example/acs"
METADATA = f"""<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{ENTITY_ID}">
<SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
<AssertionConsumerService index="0" Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="{CONSUMER}"/>
</SPSSODescriptor></EntityDescriptor>"""


def register(idp: RunningIdp, signed: str) -> None:
    shop = {"name": "shop", "settings": {"saml_metadata": METADATA, "saml_signed": signed}}
    assert idp.admin("PUT", "/applications/shop", shop).status_code == 200


def test_minisaml_logs_a_person_in(tmp_path: Path) -> None:
    with running_idp(tmp_path) as idp:
        idp.user("grace", groups=["Admirals"])
        published = re.search(r"X509Certificate>([^<]+)", idp.http.get("/saml2/metadata").text)
        assert published
        certificate = load_der_x509_certificate(base64.b64decode(published[1]))
        endpoint = f"{idp.url}/saml2/idp/sso"
        url = get_request_redirect_url(saml_endpoint=endpoint, expected_audience=ENTITY_ID, acs_url=CONSUMER)
        expected = {"certificate": certificate, "expected_audience": ENTITY_ID, "idp_issuer": idp.url}

        person = idp.person()
        for signed in ("assertion", "response"):
            register(idp, signed)
            page = person.http.get(url)
            if "SAMLResponse" not in page.text:
                page = person.log_in(page, "grace")
            document = form_in(page.text)[1]["SAMLResponse"]
            said = validate_response(data=document, **expected)
            assert (said.name_id, said.attrs["Groups"]) == ("grace@example.com", "Admirals")
            altered = base64.b64encode(base64.b64decode(document).replace(b"grace@", b"boss@@"))
            with pytest.raises(VerificationFailed):
                validate_response(data=altered, **expected)

        register(idp, "both")
        document = form_in(person.http.get(url).text)[1]["SAMLResponse"]
        with pytest.raises(MultipleElementsFound):
            validate_response(data=document, **expected)
        person.http.close()
