"""What a proxy may carry, what stays the router's, and which routes a proxy can tell apart by itself."""

from __future__ import annotations

import json
import re
import ssl
from pathlib import Path
from typing import Any

import pytest
import yaml

from entryway.config.js_regex import RegexRefused
from entryway.config.js_regex_dialects import pcre, re2
from entryway.config.mistakes import ConfigurationMistakes
from entryway.router.configuration import RouterConfiguration, line_of, read_configuration
from entryway.router.deciding import UPSTREAM_NAMES, deciding_of
from entryway.router.decision_dialects import upstream_name
from entryway.router.export.plan import Plan, Write, plan, short_ways
from entryway.router.export.write import Address, Places, export
from entryway.router.origins import TlsContexts

NEAR = {"name": "near", "url": "https://near.example:8443/base", "timeout": 1500}
OTHERS = [
    {"name": "proxied", "url": "http://p.example", "proxyHost": "p", "proxyPort": 1},
    {"name": "lax", "url": "https://l.example", "strictSSL": False},
]
PLACES = Places(Address("127.0.0.1", 8080))


def configuration(folder: Path, *routes: dict[str, Any], root: Any = None, **environ: Any) -> RouterConfiguration:
    document = {"authenticationMethod": "none", "routes": list(routes)} | (root or {})
    (folder / "xs-app.json").write_text(json.dumps(document))
    variables = {"destinations": [NEAR, *OTHERS], "ENTRYWAY_DECISION_PORT": "5001", "TRUSTED_PROXIES": ""} | environ
    return read_configuration(
        folder, {name: value if isinstance(value, str) else json.dumps(value) for name, value in variables.items()}
    )


def planned(folder: Path, *routes: dict[str, Any], write: Write = pcre, **more: Any) -> Plan:
    context = ssl.create_default_context()
    return plan(configuration(folder, *routes, **more), write, TlsContexts(context, context))


@pytest.mark.parametrize(
    ("route", "reason"),
    [
        ({"destination": "near"}, None),
        ({"localDir": "."}, "files are served by the router"),
        ({"service": "sap-approuter-userapi"}, "the router knows the service or application"),
        ({"destination": "proxied"}, "the destination is reached through a proxy of its own"),
        ({"destination": "lax"}, "the destination's certificate is not verified"),
    ],
)
def test_each_route_is_the_proxys_or_the_routers(tmp_path: Path, route: dict[str, Any], reason: str | None):
    assert [it.by_router for it in planned(tmp_path, {"source": "^/a", **route}).routes] == [reason]


def test_where_the_router_changes_policies_it_carries_everything(tmp_path: Path):
    changed = configuration(tmp_path, {"source": "^/a", "destination": "near"}, MERGE_CSP_HEADERS="true")
    deciding = deciding_of(changed.xs_app, changed.environment)
    assert deciding is not None
    assert deciding.carried == frozenset()


def test_only_destinations_that_a_proxy_can_reach_are_upstreams(tmp_path: Path):
    upstreams = planned(tmp_path, {"source": "^/a", "destination": "near"}).upstreams
    assert [(it.key, it.scheme, it.host, it.port, it.idle_ms) for it in upstreams] == [
        ("=near", "https", "near.example", 8443, 1500)
    ]


def test_the_short_way_ends_where_an_expression_cannot_be_written_down(tmp_path: Path):
    routes = [
        {"source": "^/files/", "localDir": "."},
        {"source": "^/api/", "destination": "near"},
        {"source": "^/more/", "localDir": "."},
        {"source": "^/x(?=y)", "destination": "near"},
        {"source": "^/late/", "localDir": "."},
    ]
    known = short_ways(planned(tmp_path, *routes, write=re2).routes)
    assert [(it.label.split()[1], it.by_router is None) for it in known] == [
        ("^/files/", False),
        ("^/api/", True),
        ("^/more/", False),
    ]
    assert len(short_ways(planned(tmp_path, *routes, write=pcre).routes)) == 5


def test_a_service_for_some_methods_is_asked_about(tmp_path: Path):
    only_get = {"source": "^/a/", "service": "sap-approuter-userapi", "httpMethods": ["GET"]}
    found = planned(tmp_path, only_get, {"source": "^/a/", "destination": "near"}).routes
    assert found[0].pattern is None
    assert short_ways(found) == []


@pytest.mark.parametrize("name", ["router", "a b", "ä", "x\ny", 'q"', "%", "=", "$x", "a%20.b"])
def test_no_destination_is_taken_for_another_or_for_the_router(name: str):
    key = upstream_name(name)
    assert re.fullmatch(r"=[A-Za-z0-9_.%-]*", key)
    assert key not in ("router", upstream_name(name + "x"), upstream_name("x" + name))


def test_every_header_of_the_platform_is_taken_from_the_decision():
    assert {b"authorization", b"cookie", b"tenantid", b"x-csrf-token", b"x-ias-token", b"x-forwarded-host"} <= set(
        UPSTREAM_NAMES
    )


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"ENTRYWAY_DECISION_PORT": "0"}, "environment-settings/decisionPort: Value 0 is less than minimum 1"),
        ({"ENTRYWAY_DECISION_PORT": "70000"}, "/decisionPort: Value 70000 is greater than maximum 65535"),
        ({"ENTRYWAY_DECISION_PORT": "x"}, 'variable ENTRYWAY_DECISION_PORT: "x" is not a number'),
        ({"ENTRYWAY_DECISION_PORT": "5000"}, "the decision port and PORT are the same"),
    ],
)
def test_each_mistake_of_the_port_is_named(tmp_path: Path, environ: dict[str, str], expected: str):
    with pytest.raises(ConfigurationMistakes) as found:
        configuration(tmp_path, {"source": "^/a", "destination": "near"}, **environ)
    assert any(expected in line_of(mistake) for mistake in found.value.mistakes)


def test_believing_everybody_behind_a_proxy_is_warned_about(tmp_path: Path):
    (tmp_path / "xs-app.json").write_text(json.dumps({"authenticationMethod": "none"}))
    warned = read_configuration(tmp_path, {"ENTRYWAY_DECISION_PORT": "5001"}).warnings
    assert [mistake.file for mistake in warned] == ["TRUSTED_PROXIES"]
    assert read_configuration(tmp_path, {}).warnings == ()


def test_what_is_written_is_not_led_astray_by_names_and_values(tmp_path: Path):
    """Line ends, quotes and dollars in the configuration stay data in the proxies' files."""
    evil = 'b"; } server { listen 1;\n#'
    root = {"responseHeaders": [{"name": "x-note", "value": '"; return 200; $host # \\'}]}
    configuration(
        tmp_path, {"source": "^/a\\n\"'; {$", "destination": evil}, root=root, destinations=[NEAR | {"name": evil}]
    )
    environ = {"destinations": json.dumps([NEAR | {"name": evil}])}
    nginx = export("nginx", tmp_path, environ, PLACES).text
    assert not [line for line in nginx.splitlines() if line.startswith((" server", "#;", "server {  "))]
    assert len(re.findall(r"^server \{", nginx, re.MULTILINE)) == 1
    assert '"" "\\"; return 200; ${entryway_dollar}host # \\\\";' in nginx
    document = yaml.safe_load(export("envoy", tmp_path, environ, PLACES).text)
    assert [it["name"] for it in document["static_resources"]["clusters"]][2:] == [f"destination {evil}"]


def test_nginx_keeps_connections_to_several_instances_for_what_it_may_send_again(tmp_path: Path):
    configuration(tmp_path, {"source": "^/a", "destination": "near"})
    routers = (Address("10.0.0.1", 5000), Address("10.0.0.2", 5000))
    decisions = (Address("10.0.0.1", 5001), Address("10.0.0.2", 5001))
    places = Places(Address("127.0.0.1", 8080), routers, decisions)
    text = export("nginx", tmp_path, {"destinations": json.dumps([NEAR])}, places).text
    servers = "    server 10.0.0.1:5000 max_fails=0;\n    server 10.0.0.2:5000 max_fails=0;\n"
    assert f"upstream entryway_router_kept {{\n{servers}    keepalive 32;\n}}" in text
    assert f"upstream entryway_router_fresh {{\n{servers}}}" in text
    asked = servers.replace(":5000", ":5001")
    assert f"upstream entryway_decision {{\n{asked}    keepalive 32;\n}}" in text
    ways = 'default entryway_router_fresh;\n    "GET" entryway_router_kept;\n    "HEAD" entryway_router_kept;'
    assert f"map $request_method $entryway_router {{\n    {ways}\n}}" in text
    assert "proxy_pass http://$entryway_router;" in text


@pytest.mark.parametrize(("host", "kind"), [("10.0.0.2", "STATIC"), ("b.example", "STRICT_DNS")])
def test_envoy_is_told_of_every_instance(tmp_path: Path, host: str, kind: str):
    configuration(tmp_path, {"source": "^/a", "destination": "near"})
    routers = (Address("10.0.0.1", 5000), Address(host, 5000))
    decisions = (Address("10.0.0.1", 5001), Address(host, 5001))
    places = Places(PLACES.listen, routers, decisions)
    written = yaml.safe_load(export("envoy", tmp_path, {"destinations": json.dumps([NEAR])}, places).text)
    clusters = {cluster["name"]: cluster for cluster in written["static_resources"]["clusters"]}
    for name, port in (("entryway_router", 5000), ("entryway_decision", 5001)):
        [group] = clusters[name]["load_assignment"]["endpoints"]
        told = [each["endpoint"]["address"]["socket_address"] for each in group["lb_endpoints"]]
        assert told == [{"address": each, "port_value": port} for each in ("10.0.0.1", host)]
        assert (clusters[name]["type"], clusters[name]["connect_timeout"]) == (kind, "3s")
    [chain] = written["static_resources"]["listeners"][0]["filter_chains"]
    manager = chain["filters"][0]["typed_config"]
    asking = manager["http_filters"][0]["typed_config"]["http_service"]["authorization_request"]["headers_to_add"]
    assert "reset" in asking[0]["value"].split(",")
    routes = [each["route"] for each in manager["route_config"]["virtual_hosts"][0]["routes"] if "route" in each]
    for route in routes:
        again = route.get("retry_policy", {}).get("retry_on", "").split(",")
        # What may have begun is done once.
        assert "reset" not in again
        assert ("connect-failure" in again) == (route["cluster"] == "entryway_router")


@pytest.mark.parametrize("source", [r"^/(a)(?<!b)", r"^/(?<=x)y"])
def test_looking_behind_cannot_be_written_down(source: str, tmp_path: Path):
    found = planned(tmp_path, {"source": source, "destination": "near"}).routes[0]
    assert found.pattern is None
    assert found.inexpressible is not None
    with pytest.raises(RegexRefused):
        re2(configuration(tmp_path, {"source": source, "destination": "near"}).xs_app.routes[0].source)
