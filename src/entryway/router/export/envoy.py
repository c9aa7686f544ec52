"""The configuration of Envoy (a static bootstrap): one listener, ext_authz, a cluster for each destination."""

from __future__ import annotations

from collections.abc import Sequence
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


def write_envoy(
    plan: Plan, *, listen: tuple[str, int], router: tuple[str, int], decision: tuple[str, int], ca_file: str
) -> str:
    """Return the file; addresses are host and port."""
    bootstrap = {
        "static_resources": {
            "listeners": [_listener(plan, listen, decision)],
            "clusters": [
                _cluster("entryway_router", *router),
                _cluster("entryway_decision", *decision),
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


def _http_filters(decision: tuple[str, int]) -> list[dict[str, Any]]:
    router = {"@type": FILTERS + "router.v3.Router", "suppress_envoy_headers": True}
    return [_ext_authz(decision), {"name": "envoy.filters.http.router", "typed_config": router}]


def _listener(plan: Plan, listen: tuple[str, int], decision: tuple[str, int]) -> dict[str, Any]:
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
        "http_filters": _http_filters(decision),
        "route_config": {
            "virtual_hosts": [{"name": "application", "domains": ["*"], "routes": _routes(plan)}],
        },
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    return {"name": "entryway", "address": _address(*listen), "filter_chains": [{"filters": filters}]}


def _ext_authz(decision: tuple[str, int]) -> dict[str, Any]:
    names = [*OURS, *(name.decode() for name in UPSTREAM_NAMES)]
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
                    "uri": f"http://{decision[0]}:{decision[1]}",
                    "cluster": "entryway_decision",
                    "timeout": "30s",
                },
                "path_prefix": "/ext_authz_routed",
                "authorization_response": {
                    "allowed_upstream_headers": {"patterns": [{"exact": name} for name in names]},
                },
            },
        },
    }


def _routes(plan: Plan) -> list[dict[str, Any]]:
    return [
        *(_to_backend(upstream, plan.additions) for upstream in plan.upstreams),
        _to_router(_header(UPSTREAM.decode(), {"exact": ROUTER.decode()}), asked=True),
        _to_router({"name": "upgrade", "present_match": True}, upgrades=True),
        _to_router(_header("x-csrf-token", {"exact": "fetch", "ignore_case": True})),
        *([_to_router({"name": "origin", "present_match": True})] if plan.cross_origin else []),
        *({"match": {"path": path}, **_router_action(), "typed_per_filter_config": UNASKED} for path in plan.own_paths),
        *(
            _undecided(route.pattern) if route.by_router is None else _to_router(_path(route.pattern))
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


def _to_router(header: dict[str, Any], *, asked: bool = False, upgrades: bool = False) -> dict[str, Any]:
    unasked = {} if asked else {"typed_per_filter_config": UNASKED}
    return {"match": {"prefix": "/", "headers": [header]}, **_router_action(upgrades=upgrades), **unasked}


def _router_action(*, upgrades: bool = False) -> dict[str, Any]:
    action: dict[str, Any] = {"cluster": "entryway_router", "timeout": "0s", "idle_timeout": "3600s"}
    if upgrades:
        action["upgrade_configs"] = [{"upgrade_type": "websocket", "enabled": True}]
    return {"route": action, "request_headers_to_remove": list(OURS)}


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


def _cluster_name(upstream: Upstream) -> str:
    return f"destination {upstream.name}"


def _address(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()
