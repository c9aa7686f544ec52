"""The configuration of Envoy (a static bootstrap): one listener, ext_authz, a cluster for each destination."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import yaml

from entryway.router.deciding import UPSTREAM_NAMES
from entryway.router.decision_dialects import HOST, REMOVE, ROUTER, TARGET, UPSTREAM
from entryway.router.export.plan import Plan, Upstream, short_ways

HEAD = """# Written by `entryway export envoy`; see docs/behind-a-proxy.md.
# The router decides about every request; this file knows which ones are the router's anyway.
"""
TYPE = "type.googleapis.com/"
FILTERS = TYPE + "envoy.extensions.filters.http."
UNASKED = {"envoy.filters.http.ext_authz": {"@type": f"{FILTERS}ext_authz.v3.ExtAuthzPerRoute", "disabled": True}}
OURS = tuple(name.decode() for name in (UPSTREAM, TARGET, HOST))
# Envoy sets x-forwarded-proto itself, and appends to x-forwarded-for what it sees.
FORGEABLE = ("x-forwarded-for", "x-forwarded-host", "x-forwarded-path", "x-forwarded-port", "x-forwarded-client-cert")
REMOVED_LATE = (*OURS, "x-envoy-original-host")
REWRITE = (
    "function envoy_on_request(handle)\n"
    f'  handle:headers():replace(":path", handle:headers():get("{TARGET.decode()}"))\n'
    + "".join(f'  handle:headers():remove("{name}")\n' for name in REMOVED_LATE)
    + "end\n"
)
CLEARED_EARLY = (*OURS, REMOVE.decode(), *FORGEABLE, "x-forwarded-proto", "x-custom-host", "forwarded")


Place = tuple[str, int]
CONNECT_SECONDS = 3
"""How long an instance whose machine is gone holds up a request that another one can answer."""
LISTENS = {
    "timeout": f"{CONNECT_SECONDS}s",
    "interval": "1s",
    "no_traffic_interval": "5s",
    "unhealthy_threshold": 1,
    "healthy_threshold": 1,
    "tcp_health_check": {},
}
WITHOUT_LIMIT = {"circuit_breakers": {"thresholds": [{"max_retries": 10_000}]}}
"""By itself Envoy repeats three requests at once, and an instance that ends leaves more to another one."""
# A request that did not leave is given to another instance; a question may be asked twice, what it is about may not.
UNSENT = "connect-failure,reset-before-request,refused-stream"
# The filter that asks obeys these headers alone, and any instance may be next: so many tries find one that is there.
ASK_AGAIN = (("x-envoy-retry-on", f"{UNSENT},reset"), ("x-envoy-max-retries", "14"))


def write_envoy(
    plan: Plan, *, listen: Place, routers: Sequence[Place], decisions: Sequence[Place], ca_file: str
) -> str:
    """Return the file; addresses are host and port, those of the router once for each instance."""
    bootstrap = {
        "static_resources": {
            "listeners": [_listener(plan, listen, routers, decisions)],
            "clusters": [
                _instances("entryway_router", routers),
                _instances("entryway_decision", decisions),
                *(_backend(upstream, ca_file) for upstream in plan.upstreams),
            ],
        },
        # Routes of real applications are longer expressions than Envoy lets in by default.
        "layered_runtime": {
            "layers": [{"name": "static", "static_layer": {"re2.max_program_size.error_level": 10_000}}],
        },
    }
    return HEAD + _overview(plan) + yaml.safe_dump(bootstrap, sort_keys=False, width=200, allow_unicode=False)


def _overview(plan: Plan) -> str:
    lines = []
    for route in plan.routes:
        whose = "Envoy asks, and carries the bytes" if route.by_router is None else f"the router: {route.by_router}"
        note = f" (not written down for Envoy: {route.inexpressible})" if route.inexpressible else ""
        lines += [f"# {route.label}", f"#     {whose}{note}"]
    return "".join("".join(c if c.isprintable() else "?" for c in line) + "\n" for line in lines)


def _http_filters(decisions: Sequence[Place]) -> list[dict[str, Any]]:
    router = {"@type": FILTERS + "router.v3.Router", "suppress_envoy_headers": True}
    return [_ext_authz(decisions), {"name": "envoy.filters.http.router", "typed_config": router}]


def _listener(plan: Plan, listen: Place, routers: Sequence[Place], decisions: Sequence[Place]) -> dict[str, Any]:
    manager = {
        "@type": TYPE + "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "entryway",
        # What clients say about where they come from is not believed.
        "use_remote_address": True,
        "early_header_mutation_extensions": [
            {
                "name": "envoy.http.early_header_mutation.header_mutation",
                "typed_config": {
                    "@type": TYPE + "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
                    "mutations": [{"remove": name} for name in CLEARED_EARLY],
                },
            }
        ],
        "normalize_path": False,  # every party sees the path that the client sent
        "merge_slashes": False,
        "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
        "stream_idle_timeout": "0s",
        "request_headers_timeout": "60s",
        "http_filters": _http_filters(decisions),
        "route_config": {
            "virtual_hosts": [{"name": "application", "domains": ["*"], "routes": _routes(plan, len(routers))}],
        },
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    return {"name": "entryway", "address": _address(*listen), "filter_chains": [{"filters": filters}]}


def _ext_authz(decisions: Sequence[Place]) -> dict[str, Any]:
    names = [*OURS, *(name.decode() for name in UPSTREAM_NAMES)]
    host, port = decisions[0]
    return {
        "name": "envoy.filters.http.ext_authz",
        "typed_config": {
            "@type": FILTERS + "ext_authz.v3.ExtAuthz",
            "transport_api_version": "V3",
            "failure_mode_allow": False,
            "status_on_error": {"code": "ServiceUnavailable"},
            "clear_route_cache": True,  # the decision names the upstream
            "allowed_headers": {"patterns": [{"safe_regex": {"regex": ".*"}}]},
            "http_service": {
                "server_uri": {
                    "uri": f"http://{host}:{port}",
                    "cluster": "entryway_decision",
                    "timeout": "30s",
                },
                "path_prefix": "/ext_authz_routed",
                **_asking_again(len(decisions)),
                "authorization_response": {
                    "allowed_upstream_headers": {"patterns": [{"exact": name} for name in names]},
                },
            },
        },
    }


def _routes(plan: Plan, instances: int) -> list[dict[str, Any]]:
    to_router = partial(_to_router, instances)
    return [
        *(_to_backend(upstream, plan.additions) for upstream in plan.upstreams),
        to_router(_header(UPSTREAM.decode(), {"exact": ROUTER.decode()}), asked=True),
        to_router({"name": "upgrade", "present_match": True}, upgrades=True),
        to_router(_header("x-csrf-token", {"exact": "fetch", "ignore_case": True})),
        *([to_router({"name": "origin", "present_match": True})] if plan.cross_origin else []),
        *(
            {"match": {"path": path}, **_router_action(instances), "typed_per_filter_config": UNASKED}
            for path in plan.own_paths
        ),
        *(
            _undecided(route.pattern) if route.by_router is None else to_router(_path(route.pattern))
            for route in short_ways(plan.routes)
            if route.pattern is not None
        ),
        _undecided(None),
    ]


def _to_backend(upstream: Upstream, additions: Sequence[tuple[str, str]]) -> dict[str, Any]:
    return {
        "match": {"prefix": "/", "headers": [_header(UPSTREAM.decode(), {"exact": upstream.key})]},
        "route": {
            "cluster": _cluster_name(upstream),
            "host_rewrite_header": HOST.decode(),
            "timeout": "0s",
            "idle_timeout": f"{upstream.idle_ms / 1000:g}s",
        },
        "response_headers_to_add": [
            {"header": {"key": name, "value": value.replace("%", "%%")}, "append_action": "ADD_IF_ABSENT"}
            for name, value in additions
        ],
    }


def _to_router(
    instances: int, header: dict[str, Any], *, asked: bool = False, upgrades: bool = False
) -> dict[str, Any]:
    unasked = {} if asked else {"typed_per_filter_config": UNASKED}
    return {"match": {"prefix": "/", "headers": [header]}, **_router_action(instances, upgrades=upgrades), **unasked}


def _router_action(instances: int, *, upgrades: bool = False) -> dict[str, Any]:
    action: dict[str, Any] = {
        "cluster": "entryway_router",
        "timeout": "0s",
        "idle_timeout": "3600s",
        **_retries(instances),
    }
    if upgrades:
        action["upgrade_configs"] = [{"upgrade_type": "websocket", "enabled": True}]
    return {"route": action, "request_headers_to_remove": list(OURS)}


def _asking_again(instances: int) -> dict[str, Any]:
    if instances == 1:
        return {}
    return {"authorization_request": {"headers_to_add": [{"key": name, "value": value} for name, value in ASK_AGAIN]}}


def _retries(instances: int) -> dict[str, Any]:
    if instances == 1:
        return {}
    others = {
        "name": "envoy.retry_host_predicates.previous_hosts",
        "typed_config": {"@type": f"{TYPE}envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"},
    }
    return {
        "retry_policy": {
            "retry_on": UNSENT,
            "num_retries": instances - 1,
            "retry_host_predicate": [others],
            "host_selection_retry_max_attempts": 2 * instances,
        }
    }


def _undecided(pattern: str | None) -> dict[str, Any]:
    # The filter asks before this answer is given, and the decision leads to another route.
    match: dict[str, Any] = {"prefix": "/"}
    if pattern is not None:
        match["headers"] = [_path(pattern)]
    return {"match": match, "direct_response": {"status": 503}}


def _path(pattern: str) -> dict[str, Any]:
    # Envoy wants the whole text to match; routes are looked for anywhere in path and query.
    return _header(":path", {"safe_regex": {"regex": f"(?s:.*)(?:{pattern})(?s:.*)"}})


def _header(name: str, match: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "string_match": match}


def _backend(upstream: Upstream, ca_file: str) -> dict[str, Any]:
    cluster = _cluster(_cluster_name(upstream), upstream.host, upstream.port)
    # The last step, when no route is looked for any more. A rewriting route would append the client's query.
    lua = {"@type": FILTERS + "lua.v3.Lua", "default_source_code": {"inline_string": REWRITE}}
    codec = {"@type": FILTERS + "upstream_codec.v3.UpstreamCodec"}
    cluster["typed_extension_protocol_options"] = {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": TYPE + "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http_protocol_options": {}},
            "http_filters": [
                {"name": "envoy.filters.http.lua", "typed_config": lua},
                {"name": "envoy.filters.http.upstream_codec", "typed_config": codec},
            ],
        }
    }
    if upstream.scheme == "https":
        name = {"dns": upstream.host} if not _is_address(upstream.host) else {"ip_address": upstream.host}
        kind = "DNS" if "dns" in name else "IP_ADDRESS"
        validation = {
            "trusted_ca": {"filename": ca_file},
            "match_typed_subject_alt_names": [{"san_type": kind, "matcher": {"exact": upstream.host}}],
        }
        cluster["transport_socket"] = {
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": TYPE + "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                **({"sni": upstream.host} if kind == "DNS" else {}),
                "common_tls_context": {"validation_context": validation},
            },
        }
    return cluster


def _cluster(name: str, host: str, port: int) -> dict[str, Any]:
    endpoint = {"endpoint": {"address": _address(host, port)}}
    kind = "STATIC" if _is_address(host) else "LOGICAL_DNS"
    assignment = {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]}
    # Both families at once, as browsers do: a name such as localhost has addresses that nobody listens on.
    family = {} if kind == "STATIC" else {"dns_lookup_family": "ALL"}
    return {"name": name, "type": kind, **family, "connect_timeout": "10s", "load_assignment": assignment}


def _instances(name: str, places: Sequence[Place]) -> dict[str, Any]:
    cluster = _cluster(name, *places[0])
    if len(places) > 1:
        endpoints = [{"endpoint": {"address": _address(*place)}} for place in places]
        cluster["load_assignment"]["endpoints"] = [{"lb_endpoints": endpoints}]
        cluster |= {"connect_timeout": f"{CONNECT_SECONDS}s", "health_checks": [LISTENS], **WITHOUT_LIMIT}
        if not all(_is_address(host) for host, _ in places):
            cluster |= {"type": "STRICT_DNS", "dns_lookup_family": "ALL"}
    return cluster


def _cluster_name(upstream: Upstream) -> str:
    return f"destination {upstream.name}"


def _address(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()
