"""$batch: the multipart language of UI5's OData model."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from products_onpremise.batch import ChangeSet, ChangeSetAnswer, build_batch, parse_batch
from products_onpremise.errors import BadQuery, ODataError
from products_onpremise.operations import Answer, Operation

READ = (
    "--batch_1\r\n"
    "Content-Type: application/http\r\n"
    "Content-Transfer-Encoding: binary\r\n"
    "\r\n"
    "GET ProductSet?$skip=0&$top=20&$inlinecount=allpages HTTP/1.1\r\n"
    "sap-cancel-on-close: true\r\n"
    "Accept: application/json\r\n"
    "\r\n"
    "\r\n"
)
CHANGE = (
    "--batch_1\r\n"
    "Content-Type: multipart/mixed; boundary=changeset_2\r\n"
    "\r\n"
    "--changeset_2\r\n"
    "Content-Type: application/http\r\n"
    "Content-Transfer-Encoding: binary\r\n"
    "\r\n"
    "MERGE ProductSet('HT-1000') HTTP/1.1\r\n"
    "Content-Type: application/json\r\n"
    "If-Match: W/\"'1'\"\r\n"
    "Content-Length: 17\r\n"
    "\r\n"
    '{"Price":"12.50"}\r\n'
    "--changeset_2--\r\n"
    "\r\n"
)
END = "--batch_1--\r\n"
TYPE = "multipart/mixed;boundary=batch_1"


def test_reads_and_change_sets_are_told_apart_and_kept_in_order() -> None:
    parts = parse_batch(TYPE, (READ + CHANGE + READ + END).encode())

    read = Operation(
        "GET",
        "ProductSet",
        "$skip=0&$top=20&$inlinecount=allpages",
        {"sap-cancel-on-close": "true", "accept": "application/json"},
    )
    headers = {"content-type": "application/json", "if-match": "W/\"'1'\"", "content-length": "17"}
    change = Operation("MERGE", "ProductSet('HT-1000')", "", headers, b'{"Price":"12.50"}')
    assert parts == (read, ChangeSet((change,)), read)


def test_line_ends_without_carriage_return_are_read_as_well() -> None:
    assert parse_batch(TYPE, (READ + END).replace("\r\n", "\n").encode())[0].path == "ProductSet"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "path",
    [
        "/sap/opu/odata/sap/ZENTRYWAY_PRODUCTS_SRV/ProductSet",
        "https://x/sap/opu/odata/sap/ZENTRYWAY_PRODUCTS_SRV/ProductSet",
    ],
)
def test_a_path_may_be_written_in_full(path: str) -> None:
    part = parse_batch(TYPE, (READ.replace("GET ProductSet", f"GET {path}") + END).encode())[0]

    assert part.path == "ProductSet"  # type: ignore[union-attr]


def test_answers_are_written_as_the_model_reads_them() -> None:
    body = build_batch([Answer(200, b"{}", {"Content-Type": "application/json"}), ChangeSetAnswer((Answer(204),))], "b")

    assert body == (
        b"--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nDataServiceVersion: 2.0\r\nContent-Type: application/json\r\n"
        b"Content-Length: 2\r\n\r\n{}\r\n"
        b"--b\r\nContent-Type: multipart/mixed; boundary=b_changes\r\n\r\n"
        b"--b_changes\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        b"HTTP/1.1 204 No Content\r\nDataServiceVersion: 2.0\r\nContent-Length: 0\r\n\r\n\r\n"
        b"--b_changes--\r\n\r\n--b--\r\n"
    )


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", READ + END),
        ("multipart/mixed", READ + END),
        (TYPE, READ),
        (TYPE, ""),
        (TYPE, READ.replace("application/http", "text/plain") + END),
        (TYPE, READ.replace("GET ", "") + END),
        (TYPE, READ.replace("GET ", "MERGE ") + END),
        (TYPE, CHANGE.replace("MERGE ", "GET ") + END),
        (TYPE, CHANGE.replace("MERGE ", "DELETE ") + END),
        (TYPE, READ.replace("sap-cancel-on-close: true", "no header") + END),
        (TYPE, READ.replace("ProductSet", "Pröduct") + END),
        (TYPE, READ * 101 + END),
    ],
)
def test_a_batch_that_is_none_is_refused(content_type: str, body: str) -> None:
    with pytest.raises(ODataError) as refusal:
        parse_batch(content_type, body.encode())
    assert refusal.value.status == 400


@given(st.binary(max_size=300), st.sampled_from(["", READ, CHANGE, END]))
def test_any_bytes_at_all_are_understood_or_refused(noise: bytes, known: str) -> None:
    with suppress(BadQuery):
        parse_batch(TYPE, known.encode() + noise + END.encode())
