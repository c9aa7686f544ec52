"""Which services are bound, from every place that says so."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.config.bindings import (
    Binding,
    ConnectivityCredentials,
    DestinationCredentials,
    UaaCredentials,
    find_service,
    find_uaa,
    read_bindings,
    read_default_env,
    service_binding,
    vcap_services,
)
from entryway.config.default_env import parse_default_env
from entryway.config.mistakes import ConfigurationMistakes

UAA = {"clientid": "sb-app!t1", "clientsecret": "s3cret", "url": "https://localhost:8443", "xsappname": "app!t1"}


def entry(name: str = "uaa", **more) -> dict:
    return {"name": name, "label": "xsuaa", "plan": "application", "tags": ["xsuaa"], "credentials": UAA} | more


def vcap(**services) -> dict[str, str]:
    return {"VCAP_SERVICES": json.dumps(services)}


def mistakes(call) -> list[str]:
    with pytest.raises(ConfigurationMistakes) as caught:
        call()
    return [str(mistake) for mistake in caught.value.mistakes]


class TestVcapServices:
    def test_bindings_in_order(self, tmp_path):
        environ = vcap(xsuaa=[entry()], **{"user-provided": [{"name": "mine", "credentials": {"a": 1}}]})
        uaa, mine = read_bindings(environ, tmp_path)
        assert (uaa.name, uaa.label, uaa.plan, uaa.tags) == ("uaa", "xsuaa", "application", ("xsuaa",))
        assert (mine.name, mine.label, mine.tags, mine.credentials) == ("mine", "user-provided", (), {"a": 1})

    def test_nothing_is_bound(self, tmp_path):
        assert read_bindings({}, tmp_path) == []
        assert read_bindings({"VCAP_SERVICES": "{}"}, tmp_path) == []

    def test_in_a_file(self, tmp_path):
        (tmp_path / "services.json").write_text(vcap(xsuaa=[entry()])["VCAP_SERVICES"])
        [uaa] = read_bindings({"VCAP_SERVICES_FILE_PATH": str(tmp_path / "services.json")}, tmp_path)
        assert uaa.name == "uaa"

    @pytest.mark.parametrize("content", [b"\xff", b"{", b"[]", b" " * 1_000_001])
    def test_a_file_that_cannot_be_used(self, tmp_path, content):
        (tmp_path / "services.json").write_bytes(content)
        environ = {"VCAP_SERVICES_FILE_PATH": str(tmp_path / "services.json")}
        assert len(mistakes(lambda: read_bindings(environ, tmp_path))) == 1

    def test_a_file_that_is_missing(self, tmp_path):
        environ = {"VCAP_SERVICES_FILE_PATH": str(tmp_path / "none")}
        assert "cannot be read" in mistakes(lambda: read_bindings(environ, tmp_path))[0]

    def test_every_mistake_is_named(self, tmp_path):
        environ = vcap(
            a=5,
            b=[5],
            c=[{"name": 5}],
            d=[entry(tags="xsuaa")],
            e=[entry(tags=[1])],
            f=[entry(credentials=[])],
            g=[entry(plan=5)],
        )
        assert mistakes(lambda: read_bindings(environ, tmp_path)) == [
            "VCAP_SERVICES#/a: must be an array of bindings",
            "VCAP_SERVICES#/b/0: must be an object",
            "VCAP_SERVICES#/c/0/name: must be a text that is not empty",
            "VCAP_SERVICES#/d/0/tags: must be an array of texts",
            "VCAP_SERVICES#/e/0/tags: must be an array of texts",
            "VCAP_SERVICES#/f/0/credentials: must be an object",
            "VCAP_SERVICES#/g/0/plan: must be a text",
        ]

    @pytest.mark.parametrize("text", ["{", "[]", '"x"', "[" * 100_000])
    def test_text_that_is_no_object(self, tmp_path, text):
        assert mistakes(lambda: read_bindings({"VCAP_SERVICES": text}, tmp_path))

    def test_a_round_trip(self, tmp_path):
        binding = service_binding("destination", "lite", "dest", UAA, instance_guid="i", binding_guid="b")
        services = vcap_services([binding])
        assert services == {
            "destination": [
                {
                    "label": "destination",
                    "provider": None,
                    "plan": "lite",
                    "name": "dest",
                    "tags": ["destination", "conn", "connsvc"],
                    "instance_guid": "i",
                    "instance_name": "dest",
                    "binding_guid": "b",
                    "binding_name": None,
                    "credentials": UAA,
                    "syslog_drain_url": None,
                    "volume_mounts": [],
                }
            ]
        }
        [read] = read_bindings({"VCAP_SERVICES": json.dumps(services)}, tmp_path)
        assert (read.name, read.tags, read.instance_guid) == (binding.name, binding.tags, "i")


class TestDefaultServices:
    def test_on_a_developers_machine(self, tmp_path):
        (tmp_path / "default-services.json").write_text(json.dumps({"uaa": UAA, "destination": {"clientid": "d"}}))
        uaa, destination = read_bindings({}, tmp_path)
        assert (uaa.label, uaa.tags) == ("xsuaa", ("xsuaa",))
        assert find_uaa([uaa, destination], {}) is uaa
        assert (destination.name, destination.label) == ("destination", "destination")

    def test_what_is_bound_already_wins(self, tmp_path):
        (tmp_path / "default-services.json").write_text(json.dumps({"uaa": UAA | {"clientid": "other"}, "more": {}}))
        bindings = read_bindings(vcap(xsuaa=[entry(name="the-uaa")]), tmp_path)
        assert [binding.name for binding in bindings] == ["the-uaa", "more"]

    def test_not_on_a_platform(self, tmp_path):
        (tmp_path / "default-services.json").write_text(json.dumps({"uaa": UAA}))
        assert read_bindings({"VCAP_APPLICATION": "{}"}, tmp_path) == []

    def test_mistakes(self, tmp_path):
        (tmp_path / "default-services.json").write_text('{"uaa": 5, "a/b": []}')
        assert mistakes(lambda: read_bindings({}, tmp_path)) == [
            "default-services.json#/uaa: must be an object with the service's credentials",
            "default-services.json#/a~1b: must be an object with the service's credentials",
        ]
        (tmp_path / "default-services.json").write_text('{"uaa": {"clientid": ""}}')
        [uaa] = read_bindings({}, tmp_path)
        assert "default-services.json#/uaa/clientid: " in mistakes(lambda: uaa.parse(UaaCredentials))[0]


class TestMounts:
    def mount(self, folder, metadata: dict, **files: str):
        folder.mkdir(parents=True)
        (folder / ".metadata").write_text(json.dumps(metadata))
        for name, text in files.items():
            (folder / name).write_text(text)

    def test_with_metadata(self, tmp_path):
        self.mount(
            tmp_path / "root" / "my-uaa",
            {
                "metaDataProperties": [
                    {"name": name, "format": "json" if name == "tags" else "text"}
                    for name in ("label", "plan", "tags", "instance_name", "instance_guid", "type")
                ],
                "credentialProperties": [
                    {"name": "clientid", "format": "text"},
                    {"name": "nested", "format": "json"},
                    {"name": "absent", "format": "text"},
                ],
            },
            label="xsuaa",
            plan="application",
            tags='["xsuaa"]',
            instance_name="uaa",
            clientid="sb-app!t1",
            nested='{"a": [1]}',
            unnamed="not read",
        )
        (tmp_path / "root" / "xsuaa" / "ignored").mkdir(parents=True)
        [binding] = read_bindings({"SERVICE_BINDING_ROOT": str(tmp_path / "root")}, tmp_path)
        assert (binding.name, binding.label, binding.plan, binding.tags) == (
            "my-uaa",
            "xsuaa",
            "application",
            ("xsuaa",),
        )
        assert (binding.instance_name, binding.instance_guid) == ("uaa", None)
        assert binding.credentials == {"clientid": "sb-app!t1", "nested": {"a": [1]}}

    def test_all_in_one_file(self, tmp_path):
        metadata = {"credentialProperties": [{"name": "k", "format": "json", "container": True}]}
        self.mount(tmp_path / "root" / "b", metadata, k=json.dumps(UAA))
        [binding] = read_bindings({"SERVICE_BINDING_ROOT": str(tmp_path / "root")}, tmp_path)
        assert binding.credentials == UAA

    def test_without_metadata(self, tmp_path):
        folder = tmp_path / "root" / "xsuaa" / "my-uaa"
        folder.mkdir(parents=True)
        (folder / "clientid").write_text("sb-app!t1")
        (folder / "object").write_text('{"a":1}')
        (folder / "list").write_text("[1]")
        (folder / "..data").mkdir()
        [binding] = read_bindings({"SERVICE_BINDING_ROOT": str(tmp_path / "root")}, tmp_path)
        assert (binding.name, binding.label, binding.plan, binding.tags) == ("my-uaa", "xsuaa", None, ("xsuaa",))
        assert binding.credentials == {"clientid": "sb-app!t1", "object": {"a": 1}, "list": "[1]"}

    @pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "..", "", None, 5])
    def test_a_property_is_a_file_of_its_directory(self, tmp_path, name):
        self.mount(tmp_path / "root" / "b", {"credentialProperties": [{"name": name, "format": "text"}]})
        environ = {"SERVICE_BINDING_ROOT": str(tmp_path / "root")}
        assert "must name a file" in mistakes(lambda: read_bindings(environ, tmp_path))[0]

    @pytest.mark.parametrize("metadata", ["{", "[]", '{"credentialProperties": {}}'])
    def test_metadata_that_cannot_be_used(self, tmp_path, metadata):
        self.mount(tmp_path / "root" / "b", {})
        (tmp_path / "root" / "b" / ".metadata").write_text(metadata)
        assert mistakes(lambda: read_bindings({"SERVICE_BINDING_ROOT": str(tmp_path / "root")}, tmp_path))

    def test_a_root_that_is_not_there(self, tmp_path):
        environ = {"SERVICE_BINDING_ROOT": str(tmp_path / "none")}
        assert mistakes(lambda: read_bindings(environ, tmp_path)) == [
            f"SERVICE_BINDING_ROOT: {tmp_path}/none is not a directory"
        ]


def bound(name: str, *tags: str, label: str = "xsuaa", plan: str | None = None) -> Binding:
    return Binding(name, label, plan, tags, UAA)


class TestFinding:
    def test_the_uaa_by_tag_or_name(self):
        uaa, own = bound("uaa", "xsuaa"), bound("own", label="user-provided")
        assert find_uaa([own, uaa], {}) is uaa
        assert find_uaa([own, uaa], {"UAA_SERVICE_NAME": "own"}) is own
        assert find_uaa([own], {}) is None

    def test_a_name_that_nobody_has(self):
        found = mistakes(lambda: find_uaa([bound("uaa", "xsuaa")], {"UAA_SERVICE_NAME": "x"}))
        assert found == ['UAA_SERVICE_NAME: no service named "x" is bound (bound are: uaa)']

    def test_two_of_them(self):
        found = mistakes(lambda: find_uaa([bound("a", "xsuaa"), bound("b", "xsuaa")], {}))
        assert "Found 2 services matching tag xsuaa: a, b" in found[0]

    def test_the_applications_own_among_two(self):
        own = bound("b", "xsuaa", plan="application")
        assert find_uaa([bound("a", "xsuaa", plan="broker"), own], {}) is own

    def test_other_services_by_label_and_then_by_tag(self):
        tagged, labelled = bound("a", "destination"), bound("b", label="destination")
        assert find_service([tagged, labelled], "destination") is labelled
        assert find_service([tagged], "destination") is tagged
        assert find_service([tagged], "connectivity") is None


class TestCredentials:
    def parsed(self, credentials: dict, model=UaaCredentials):
        return Binding("b", "l", None, (), credentials, path="/l/0/credentials").parse(model)

    def test_an_authorization_server(self):
        credentials = self.parsed(UAA | {"uaadomain": "", "tenantid": "t", "more": 1})
        assert (credentials.secret, credentials.token_url) == ("s3cret", "https://localhost:8443/oauth/token")
        assert (credentials.key_domain, credentials.zone_id) == ("localhost:8443", "t")
        assert "s3cret" not in repr(credentials)

    def test_a_certificate_instead_of_a_secret(self):
        x509 = {"certificate": "C", "key": "K", "certurl": "https://cert.localhost", "credential-type": "x509"}
        credentials = self.parsed({name: value for name, value in UAA.items() if name != "clientsecret"} | x509)
        assert (credentials.secret, credentials.token_url) == (None, "https://cert.localhost/oauth/token")

    @pytest.mark.parametrize(
        ("change", "place"),
        [
            ({"clientid": ""}, "/clientid"),
            ({"clientid": 5}, "/clientid"),
            ({"xsappname": ""}, "/xsappname"),
            ({"url": "localhost"}, "/url"),
            ({"url": "ftp://a"}, "/url"),
            ({"url": "https://a:x"}, "/url"),
            ({"clientsecret": None}, ""),
            ({"clientsecret": ""}, ""),
        ],
    )
    def test_mistakes_are_named_and_secrets_are_not(self, change, place):
        [found] = mistakes(lambda: self.parsed(UAA | change))
        assert found.startswith(f'VCAP_SERVICES#/l/0/credentials{place}: binding "b": ')
        assert "s3cret" not in found

    def test_a_destination_service(self):
        assert self.parsed(UAA | {"uri": "https://d/"}, DestinationCredentials).uri == "https://d"
        assert "/uri: " in mistakes(lambda: self.parsed(UAA, DestinationCredentials))[0]

    def test_a_connectivity_service(self):
        proxy = {"onpremise_proxy_host": "p", "onpremise_proxy_port": "20003"}
        credentials = self.parsed(UAA | proxy | {"token_service_url": "https://t"}, ConnectivityCredentials)
        assert (credentials.proxy, credentials.token_url) == (("p", 20003), "https://t/oauth/token")
        both = self.parsed(UAA | proxy | {"onpremise_proxy_http_port": "20005"}, ConnectivityCredentials)
        assert (both.proxy, both.token_url) == (("p", 20005), "https://localhost:8443/oauth/token")
        for port in ("0", "x", "70000", ""):
            wrong = UAA | proxy | {"onpremise_proxy_port": port}
            assert mistakes(lambda wrong=wrong: self.parsed(wrong, ConnectivityCredentials))


class TestDefaultEnv:
    def test_the_environment_wins_and_values_become_text(self, tmp_path):
        content = {"PORT": 5000, "A": "text", "B": {"c": [1, "ä"]}, "D": True, "E": None}
        (tmp_path / "default-env.json").write_text(json.dumps(content))
        assert read_default_env(tmp_path, {"A": "real"}) == {
            "PORT": "5000",
            "A": "real",
            "B": '{"c":[1,"ä"]}',
            "D": "true",
            "E": "null",
        }

    def test_a_missing_file_adds_nothing(self, tmp_path):
        assert read_default_env(tmp_path, {"A": "b"}) == {"A": "b"}

    @pytest.mark.parametrize("text", ["{", "[]", "5", "[" * 100_000])
    def test_a_file_that_cannot_be_used(self, tmp_path, text):
        (tmp_path / "default-env.json").write_text(text)
        assert mistakes(lambda: read_default_env(tmp_path, {}))[0].startswith("default-env.json: ")

    def test_bindings_may_be_in_it(self, tmp_path):
        (tmp_path / "default-env.json").write_text(json.dumps({"VCAP_SERVICES": {"xsuaa": [entry()]}}))
        [uaa] = read_bindings(read_default_env(tmp_path, {}), tmp_path)
        assert uaa.parse(UaaCredentials).clientid == "sb-app!t1"


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(["name", "tags", "credentials", "plan", "label"]), st.text()), inner),
    ),
    max_leaves=20,
)
NOWHERE = Path("/nonexistent")


class TestAnything:
    @given(st.text())
    def test_any_text(self, text):
        for read in (
            lambda: read_bindings({"VCAP_SERVICES": text}, NOWHERE),
            lambda: read_bindings({"VCAP_SERVICES_FILE_PATH": f"/nonexistent/{text}"}, NOWHERE),
            lambda: read_bindings({"SERVICE_BINDING_ROOT": f"/nonexistent/{text}"}, NOWHERE),
            lambda: parse_default_env(text),
        ):
            with suppress(ConfigurationMistakes):
                read()

    @given(st.dictionaries(st.text(max_size=5), st.lists(JSON, max_size=3), max_size=3))
    def test_any_document(self, services):
        try:
            bindings = read_bindings({"VCAP_SERVICES": json.dumps(services)}, NOWHERE)
        except ConfigurationMistakes:
            return
        for model in (UaaCredentials, DestinationCredentials, ConnectivityCredentials):
            for binding in bindings:
                with suppress(ConfigurationMistakes):
                    binding.parse(model)

    def test_numbers_that_are_too_long(self, tmp_path):
        text = '{"a": ' + "1" * 5000 + "}"
        assert mistakes(lambda: read_bindings({"VCAP_SERVICES": text}, tmp_path))
        assert mistakes(lambda: parse_default_env(text))
