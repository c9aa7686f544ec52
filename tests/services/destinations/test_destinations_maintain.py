"""Creating, changing, listing and deleting destinations."""

import json
from urllib.parse import quote

import pytest
from destination_caller import MASTER_KEY, OTHER_INSTANCE

from entryway.storage import SealError
from entryway.testing.databases import contents, execute, sealer_of

pytestmark = pytest.mark.once_on_postgresql

LEVELS = ["instance", "subaccount"]
NOT_FOUND = {"ErrorMessage": "Configuration with the specified name was not found"}


def document(name: str = "erp", **more) -> dict:
    return {"Name": name, "Type": "HTTP", "URL": "https://erp.example.com"} | more


def names(answer) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [entry["Name"] for entry in answer.json()]


@pytest.mark.parametrize("level", LEVELS)
class TestOneDestination:
    def test_lives_and_dies(self, service, level):
        path = f"v1/{level}Destinations"
        created = service.send("POST", path, json=document())
        assert (created.status_code, created.content) == (201, b"")
        assert service.send("GET", f"{path}/erp").json() == document()
        changed = service.send("PUT", path, json=document(Description="new"))
        assert (changed.status_code, changed.json()) == (200, {"Count": 1})
        assert service.send("GET", f"{path}/erp").json()["Description"] == "new"
        gone = service.send("DELETE", f"{path}/erp")
        assert (gone.status_code, gone.json()) == (200, {"Count": 1})
        for method in ("GET", "DELETE"):
            answer = service.send(method, f"{path}/erp")
            assert (answer.status_code, answer.json()) == (404, NOT_FOUND)

    def test_twice_is_a_conflict(self, service, level):
        path = f"v1/{level}Destinations"
        service.send("POST", path, json=document())
        answer = service.send("POST", path, json=document(Description="other"))
        assert answer.status_code == 409
        assert "erp" in answer.json()["ErrorMessage"]
        assert service.send("GET", f"{path}/erp").json() == document()

    def test_what_is_not_there_cannot_be_overwritten(self, service, level):
        answer = service.send("PUT", f"v1/{level}Destinations", json=document())
        assert (answer.status_code, answer.json()) == (404, NOT_FOUND)

    def test_conditions(self, service, level):
        path = f"v1/{level}Destinations/erp"
        service.store("erp", level)
        etag = service.send("GET", path).headers["etag"]
        assert len(etag.strip('"')) == 64
        assert service.send("GET", path, if_none_match=etag).status_code == 304
        assert service.send("GET", path, if_none_match='"x"').status_code == 200
        assert service.send("GET", path, if_match=etag).status_code == 200
        assert service.send("GET", path, if_match="*").status_code == 200
        assert service.send("GET", path, if_match='"x"').status_code == 412


class TestSeveral:
    def test_all_well(self, service):
        answer = service.send("POST", "v1/instanceDestinations", json=[document("a"), document("b")])
        assert answer.status_code == 201
        assert [(entry["name"], entry["status"]) for entry in answer.json()] == [("a", 201), ("b", 201)]
        assert all(len(entry["etag"]) == 64 for entry in answer.json())
        assert service.send("PUT", "v1/instanceDestinations", json=[document("a"), document("b")]).status_code == 200

    def test_names_that_are_no_text_are_told_as_far_as_they_can_be(self, service):
        wrong = [document("a"), {"Name": "\ud800"}, {"Name": {"a": 1}}, {"Name": None}]
        answer = service.http.post(
            f"{service.url}/destination-configuration/v1/instanceDestinations",
            content=json.dumps(wrong),
            headers={"authorization": f"Bearer {service.token()}"},
        )
        assert answer.status_code == 207
        assert [(entry["name"], entry["status"]) for entry in answer.json()] == [
            ("a", 201),
            ("?", 400),
            (None, 400),
            (None, 400),
        ]

    def test_some_well(self, service):
        service.store("a")
        answer = service.send(
            "POST", "v1/instanceDestinations", json=[document("a"), document("b"), 5, document("c d")]
        )
        assert answer.status_code == 207
        assert [(entry["name"], entry["status"], "cause" in entry) for entry in answer.json()] == [
            ("a", 409, True),
            ("b", 201, False),
            (None, 400, True),
            ("c d", 400, True),
        ]
        assert names(service.send("GET", "v1/instanceDestinations")) == ["a", "b"]
        changed = service.send("PUT", "v1/instanceDestinations", json=[document("b"), document("nowhere")])
        assert [entry["status"] for entry in changed.json()] == [200, 404]

    def test_none(self, service):
        assert service.send("POST", "v1/instanceDestinations", json=[]).status_code == 400
        assert service.send("POST", "v1/instanceDestinations", json=[document()] * 1001).status_code == 400

    def test_several_are_deleted(self, service):
        for name in ("a", "b", "c"):
            service.store(name)
        answer = service.send("DELETE", "v1/instanceDestinations?$filter=" + quote("Name in ('a','b','x')"))
        assert answer.json() == {
            "Count": 2,
            "Summary": [
                {"name": "a", "status": "DELETED"},
                {"name": "b", "status": "DELETED"},
                {"name": "x", "status": "NOT_FOUND"},
            ],
        }
        assert names(service.send("GET", "v1/instanceDestinations")) == ["c"]

    @pytest.mark.parametrize("query", ["", "?$filter=", "?$filter=Name%20in%20()", "?$filter=startswith(Name,'a')"])
    def test_not_all_by_mistake(self, service, query):
        service.store("a")
        assert service.send("DELETE", f"v1/instanceDestinations{query}").status_code == 400
        assert names(service.send("GET", "v1/instanceDestinations")) == ["a"]


class TestLists:
    def test_of_each_level(self, service):
        assert service.send("GET", "v1/subaccountDestinations").json() == []
        service.store("a", "instance")
        service.store("b", "subaccount")
        assert names(service.send("GET", "v1/instanceDestinations")) == ["a"]
        assert names(service.send("GET", "v1/subaccountDestinations")) == ["b"]
        assert names(service.of(OTHER_INSTANCE).send("GET", "v1/instanceDestinations")) == []

    @pytest.mark.parametrize(
        ("condition", "expected"),
        [
            ("Name in ('aa', 'cc')", ["aa", "cc"]),
            ("Name in ('bb')", ["bb"]),
            ("Name in ('b%62')", ["bb"]),
            ("startswith(Name,'a')", ["aa", "ab"]),
            ("endswith(Name, 'b')", ["ab", "bb"]),
            ("modifiedwithin('5', 'minutes')", ["aa", "ab", "bb", "cc"]),
        ],
    )
    def test_filtered(self, service, condition, expected):
        for name in ("aa", "ab", "bb", "cc"):
            service.store(name)
        assert names(service.send("GET", "v1/instanceDestinations?$filter=" + quote(condition))) == expected

    def test_names_alone(self, service):
        service.store("a", Password="s3cret")
        assert service.send("GET", "v1/instanceDestinations?$select=Name").json() == [{"Name": "a"}]

    def test_with_what_is_known_of_them(self, service):
        service.store("a")
        [entry] = service.send("GET", "v1/instanceDestinations?$includeMetadata=modification_time;etag").json()
        assert set(entry["$metadata"]) == {"modification_time", "etag"}

    def test_page_by_page(self, service):
        for letter in "abcde":
            service.store(letter)
        path = "v1/instanceDestinations"
        answer = service.send("GET", f"{path}?$page=2&$pageSize=2&$pageCount=true&$entityCount=true")
        assert names(answer) == ["c", "d"]
        assert (answer.headers["page-count"], answer.headers["entity-count"]) == ("3", "5")
        assert answer.headers["link"] == (
            "</instanceDestinations?$page=1&$pageSize=2>; rel='previous', "
            "</instanceDestinations?$page=3&$pageSize=2>; rel='next'"
        )
        assert names(service.send("GET", f"{path}?$page=9")) == []

    @pytest.mark.parametrize(
        "query",
        [
            "$filter=Name%20eq%20'a'",
            "$filter=",
            "$filter=Name%20in%20('a'",
            "$filter=modifiedwithin('0','minutes')",
            "$filter=modifiedwithin('1441','minutes')",
            "$select=URL",
            "$page=0",
            "$page=x",
            "$page=-1",
            "$page=99999999",
            "$pageSize=1001",
            "$page=1&$select=Name",
            "$page=1&$filter=Name%20in%20('a')",
            "$includeMetadata=owner",
            "$includeMetadata=etag&$page=1",
            "$entityCount=maybe&$page=1",
            "x=" + "y" * 4000,
        ],
    )
    def test_queries_that_cannot_be_understood(self, service, query):
        answer = service.send("GET", f"v1/instanceDestinations?{query}")
        assert answer.status_code == 400
        assert answer.json()["ErrorMessage"]


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        "content",
        [
            5,
            "erp",
            None,
            {},
            {"Name": "", "Type": "HTTP", "URL": "http://a"},
            {"Name": 5, "Type": "HTTP", "URL": "http://a"},
            {"Name": "a" * 201, "Type": "HTTP", "URL": "http://a"},
            document("a/b"),
            document("a b"),
            document("a?b"),
            document("a\nb"),
            document("a%62"),
            document(".."),
            document("<script>"),
            {"Name": "erp"},
            {"Name": "erp", "Type": "FTP"},
            {"Name": "erp", "Type": "HTTP"},
            document(URL="erp"),
            document(URL="ftp://erp"),
            document(URL="https://"),
            document(URL="https://erp:99999"),
            document(ProxyType="Elsewhere"),
            document(Nested={"a": 1}),
            document(List=[]),
            document(Nothing=None),
            document(Number=1.5),
            document(**{"": "x"}),
            document(**{"a" * 201: "x"}),
            document(**{"a\nb": "x"}),
            document(Zero="a\x00b"),
            document(Long="x" * 140_000),
        ],
    )
    def test_documents_that_are_none(self, service, content):
        answer = service.send("POST", "v1/instanceDestinations", json=content)
        assert answer.status_code == 400
        assert answer.json()["ErrorMessage"]
        assert service.send("GET", "v1/instanceDestinations").json() == []

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"{",
            b"\xff",
            b"[" * 100_000,
            b'{"Name": NaN}',
            b'{"Name": "\\ud800", "Type": "TCP"}',
            b'{"Name": "a", "Type": "TCP", "x": "\\udfff"}',
            b'{"Name": "a", "Type": "TCP", "\\ud800": "x"}',
            b"x" * 5_000_000,
        ],
    )
    def test_bodies_that_are_no_json(self, service, content):
        url = f"{service.url}/destination-configuration/v1/instanceDestinations"
        headers = {"authorization": f"Bearer {service.token()}"}
        assert service.http.post(url, headers=headers, content=content).status_code == 400

    def test_more_than_there_may_be(self, service):
        for number in range(20):
            service.store(f"d{number}")
        answer = service.send("POST", "v1/instanceDestinations", json=document("one-more"))
        assert answer.status_code == 400
        assert "20" in answer.json()["ErrorMessage"]
        service.store("on-the-other-level", "subaccount")

    @pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
    @pytest.mark.parametrize("level", LEVELS)
    def test_strangers(self, service, issuer, level, method):
        for token in ("garbage", issuer.token(), issuer.client_token("sb-app!t1")):
            assert service.send(method, f"v1/{level}Destinations", token=token, json=document()).status_code == 401

    def test_other_methods_and_paths(self, service):
        refused = service.send("PATCH", "v1/instanceDestinations")
        assert (refused.status_code, refused.headers["allow"]) == (405, "DELETE, GET, HEAD, POST, PUT")
        answer = service.send("GET", "v1/elsewhere")
        assert (answer.status_code, answer.json()) == (404, {"ErrorMessage": "Not Found"})


class TestAtRest:
    def test_nothing_but_names_can_be_read(self, service):
        service.store("erp", Password="s3cret-password", Description="plain-description")
        raw = contents(service.database)
        assert b"erp" in raw
        for secret in (b"s3cret-password", b"plain-description", b"erp.example.com"):
            assert secret not in raw

    def test_a_row_that_is_moved_does_not_open(self, service):
        service.store("erp", Password="s3cret")
        execute(service.database, "update destination set name = 'crm'")
        answer = service.find("crm")
        assert answer.status_code == 500
        assert "s3cret" not in answer.text
        [(sealed,)] = execute(service.database, "select sealed from destination")
        with pytest.raises(SealError):
            sealer_of(service.database, MASTER_KEY).unseal(sealed, "destination")
