"""What the catalogue answers to whom."""

import json
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from products_onpremise.certificates import Identity
from products_onpremise.editors import Editors
from products_onpremise.errors import ODataError
from products_onpremise.operations import Answer, Operation
from products_onpremise.prices import Prices
from products_onpremise.products import catalogue
from products_onpremise.service import Caller, Service

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def caller(user: str) -> Caller:
    identity = Identity(user, f"CN={user}", "CN=users", "1f", NOW, NOW)
    return Caller(identity, "https://catalogue.company")


ALICE, BOB = caller("alice"), caller("bob")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "editors.txt").write_text("# who may edit\nalice\n")
    return tmp_path


def service_in(folder: Path) -> Service:
    return Service(catalogue(), Prices(folder / "prices.json"), Editors(folder / "editors.txt"), lambda: NOW)


@pytest.fixture
def service(folder: Path) -> Service:
    return service_in(folder)


def body(answer: Answer) -> dict[str, object]:
    document: dict[str, object] = json.loads(answer.body)["d"]
    return document


def change(
    price: object = "12.50", version: str | None = "*", key: str = "HT-1000", method: str = "MERGE"
) -> Operation:
    headers = {} if version is None else {"if-match": version}
    return Operation(method, f"ProductSet('{key}')", headers=headers, body=json.dumps({"Price": price}).encode())


def test_one_product_says_where_it_is_and_which_version_it_is(service: Service) -> None:
    answer = service.answer(Operation("GET", "ProductSet('HT-1000')"), BOB)

    product = body(answer)
    uri = "https://catalogue.company/sap/opu/odata/sap/ZENTRYWAY_PRODUCTS_SRV/ProductSet('HT-1000')"
    assert product["__metadata"] == {"id": uri, "uri": uri, "type": "EPM.Product", "etag": answer.headers["ETag"]}
    assert (product["Price"], product["CreatedAt"]) == ("749.00", "/Date(1704700800000)/")


def test_the_system_says_who_is_asking(service: Service) -> None:
    answers = [body(service.answer(Operation("GET", "WhoAmISet"), who))["results"] for who in (ALICE, BOB)]

    assert [(each[0]["User"], each[0]["MayEdit"]) for each in answers] == [("alice", True), ("bob", False)]  # type: ignore[index]


def test_nobody_sees_another_identity(service: Service) -> None:
    with pytest.raises(ODataError) as refusal:
        service.answer(Operation("GET", "WhoAmISet('alice')"), BOB)
    assert refusal.value.status == 404


def test_metadata_describes_every_property_that_is_sent(service: Service) -> None:
    metadata = ET.fromstring(service.answer(Operation("GET", "$metadata"), BOB).body)
    edm = "{http://schemas.microsoft.com/ado/2008/09/edm}"
    described = {
        entity.get("Name"): {each.get("Name") for each in entity.findall(f"{edm}Property")}
        for entity in metadata.iter(f"{edm}EntityType")
    }

    for entity_set, name in (("ProductSet", "Product"), ("WhoAmISet", "WhoAmI")):
        results = body(service.answer(Operation("GET", entity_set), BOB))["results"]
        assert described[name] == results[0].keys() - {"__metadata"}  # type: ignore[index]


def test_a_changed_price_names_who_changed_it_and_survives_a_restart(service: Service, folder: Path) -> None:
    before = service.answer(Operation("GET", "ProductSet('HT-1000')"), ALICE).headers["ETag"]

    answer = service.answer(change("12.50", before), ALICE)

    assert answer.status == 204
    after = service_in(folder).answer(Operation("GET", "ProductSet('HT-1000')"), BOB)
    assert (body(after)["Price"], body(after)["ChangedBy"]) == ("12.50", "alice")
    assert after.headers["ETag"] != before


def test_a_user_who_is_no_editor_here_changes_nothing(service: Service) -> None:
    with pytest.raises(ODataError) as refusal:
        service.answer(change(), BOB)

    assert refusal.value.status == 403
    assert body(service.answer(Operation("GET", "ProductSet('HT-1000')"), BOB))["Price"] == "749.00"


def test_who_is_taken_off_the_list_may_not_edit_any_more(service: Service, folder: Path) -> None:
    (folder / "editors.txt").write_text("")
    with pytest.raises(ODataError) as refusal:
        service.answer(change(), ALICE)
    assert refusal.value.status == 403


def test_a_version_that_is_not_the_present_one_is_refused(service: Service) -> None:
    version = service.answer(Operation("GET", "ProductSet('HT-1000')"), ALICE).headers["ETag"]
    service.answer(change("12.50", version), ALICE)

    with pytest.raises(ODataError) as refusal:
        service.answer(change("13.00", version), ALICE)
    assert refusal.value.status == 412


def test_a_change_must_say_which_version_it_means(service: Service) -> None:
    with pytest.raises(ODataError) as refusal:
        service.answer(change(version=None), ALICE)
    assert refusal.value.status == 428


@pytest.mark.parametrize(
    "price", ["0", "-1", "1000000", "1.234", "NaN", "Infinity", "1e9", "cheap", "", None, True, [], {}]
)
def test_a_price_that_is_none_is_refused(service: Service, price: object) -> None:
    with pytest.raises(ODataError) as refusal:
        service.answer(change(price), ALICE)
    assert refusal.value.status == 400


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{}", b"{", b'{"Price":"1","Name":"Free"}', b'{"Price":"1","Is":1}', b"\xff"]
)
def test_a_body_that_changes_anything_else_is_refused(service: Service, raw: bytes) -> None:
    operation = Operation("MERGE", "ProductSet('HT-1000')", headers={"if-match": "*"}, body=raw)
    with pytest.raises(ODataError) as refusal:
        service.answer(operation, ALICE)
    assert refusal.value.status == 400


def test_a_whole_product_may_be_sent_back_with_a_new_price(service: Service) -> None:
    product = body(service.answer(Operation("GET", "ProductSet('HT-1000')"), ALICE)) | {"Price": "5.00"}
    operation = Operation("PUT", "ProductSet('HT-1000')", headers={"if-match": "*"}, body=json.dumps(product).encode())

    assert service.answer(operation, ALICE).status == 204


@pytest.mark.parametrize(
    ("operation", "status"),
    [
        (Operation("DELETE", "ProductSet('HT-1000')"), 405),
        (Operation("POST", "ProductSet"), 405),
        (Operation("MERGE", "WhoAmISet('alice')"), 405),
        (change(key="HT-9999"), 404),
        (Operation("GET", "ProductSet('HT-9999')"), 404),
        (Operation("GET", "UserSet"), 404),
        (Operation("GET", "ProductSet('HT-1000')/$count"), 404),
        (Operation("GET", "ProductSet(Name='HT-1000')"), 400),
        (Operation("GET", "../secret"), 404),
        (Operation("GET", "%ff"), 400),
    ],
)
def test_what_cannot_be_done_has_its_own_status(service: Service, operation: Operation, status: int) -> None:
    with pytest.raises(ODataError) as refusal:
        service.answer(operation, ALICE)
    assert refusal.value.status == status
