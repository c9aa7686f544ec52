"""The configuration of nginx (with its auth_request module): a file for the `http` context."""

from __future__ import annotations

from collections.abc import Sequence

from entryway.router.deciding import UPSTREAM_NAMES
from entryway.router.export.plan import Plan, Upstream, short_ways

HEAD = """# Written by `entryway export nginx`, for the http context; see docs/behind-a-proxy.md.
# The router decides about every request; this file knows which ones are the router's anyway."""
DECISION = "/entryway/decision"
CONNECT_SECONDS = 3
"""How long an instance whose machine is gone holds up a request that another one can answer."""
FROM_BACKENDS = (
    "X-Accel-Redirect",
    "X-Accel-Expires",
    "X-Accel-Limit-Rate",
    "X-Accel-Buffering",
    "X-Accel-Charset",
)
_DECISION, _KEPT, _FRESH = "entryway_decision", "entryway_router_kept", "entryway_router_fresh"
CLEARED_FOR_ROUTER = ("X-Forwarded-Path", "X-Forwarded-Port", "X-Forwarded-Client-Cert", "X-Custom-Host", "Forwarded")


def write_nginx(plan: Plan, *, listen: str, routers: Sequence[str], decisions: Sequence[str], ca_file: str) -> str:
    """Return the file; `routers` and `decisions` are `host:port` of each instance."""
    parts = [
        HEAD,
        *_overview(plan),
        _map("$request_uri", "$entryway_way", _ways(plan), "decide"),
        'map $http_upgrade $entryway_connection {\n    default upgrade;\n    "" "";\n}',
        'geo $entryway_dollar {\n    default "$";\n}',
        *_upstreams(plan, routers, decisions),
        # Where a connection that it kept turns out to be dead, nginx asks again, but sends nothing twice.
        _map("$request_method", "$entryway_router", [(name, _KEPT) for name in ("GET", "HEAD")], _FRESH),
        _map(
            "$entryway_upstream", "$entryway_origin", [(u.key, f"{u.scheme}://{_block(i)}") for i, u in _numbered(plan)]
        ),
        _map(
            "$entryway_upstream", "$entryway_tls_name", [(upstream.key, upstream.host) for upstream in plan.upstreams]
        ),
        *(
            _map(f"$upstream_http_{_variable(name)}", _added(name), [("", _quoted(value))])
            for name, value in plan.additions
        ),
        _server(plan, listen, ca_file),
    ]
    return "\n\n".join(parts) + "\n"


def _overview(plan: Plan) -> list[str]:
    lines = []
    for route in plan.routes:
        whose = "nginx asks, and carries the bytes" if route.by_router is None else f"the router: {route.by_router}"
        note = f" (not written down for nginx: {route.inexpressible})" if route.inexpressible else ""
        lines.append(f"# {_comment(route.label)}\n#     {_comment(whose + note)}")
    return ["\n".join(lines)] if lines else []


def _ways(plan: Plan) -> list[tuple[str, str]]:
    own = [(f"~\\A{_literal(path)}(?:\\x3f.*)?\\z", "router") for path in plan.own_paths]
    routes = [
        (f"~{route.pattern}", "decide" if route.by_router is None else "router") for route in short_ways(plan.routes)
    ]
    return [*own, *routes]


def _upstreams(plan: Plan, routers: Sequence[str], decisions: Sequence[str]) -> list[str]:
    # An instance that was away is asked again at once: to be refused a connection costs no request.
    ours = {
        name: [f"{address} max_fails=0" for address in addresses]
        for name, addresses in ((_KEPT, routers), (_DECISION, decisions), (_FRESH, routers))
    }
    blocks = ours | {_block(index): [_address(upstream)] for index, upstream in _numbered(plan)}
    return [_upstream(name, servers, keeps=name != _FRESH) for name, servers in blocks.items()]


def _upstream(name: str, servers: Sequence[str], *, keeps: bool) -> str:
    lines = [f"server {server};" for server in servers] + ["keepalive 32;"] * keeps
    return f"upstream {name} {{\n    " + "\n    ".join(lines) + "\n}"


def _server(plan: Plan, listen: str, ca_file: str) -> str:
    seconds = max((upstream.idle_ms for upstream in plan.upstreams), default=30_000) / 1000
    tls = any(upstream.scheme == "https" for upstream in plan.upstreams)
    asked = [name.decode() for name in UPSTREAM_NAMES]
    lines = [
        "server {",
        f"    listen {listen};",
        "    client_max_body_size 0;",
        "    proxy_http_version 1.1;",
        f"    proxy_connect_timeout {CONNECT_SECONDS}s;",
        "    proxy_request_buffering off;",
        "    proxy_buffering off;",
        "    proxy_redirect off;",
        "    # A backend does not say where nginx is to look: the answers to its questions hold users' tokens.",
        f"    proxy_ignore_headers {' '.join(FROM_BACKENDS)};",
        "",
        "    location / {",
        "        # Whatever is not allowed, and what the router serves itself, is answered by the router; and so is",
        "        # what it takes for no request (500 is what nginx makes of other answers to its question).",
        "        error_page 401 403 418 500 = @entryway_router;",
        '        if ($http_host = "") { return 400; }',
        "        if ($entryway_way = router) { return 418; }",
        '        if ($http_upgrade != "") { return 418; }',
        "        if ($http_x_csrf_token ~* ^fetch$) { return 418; }",
        *(['        if ($http_origin != "") { return 418; }'] if plan.cross_origin else []),
        f"        auth_request {DECISION};",
        *(
            f"        auth_request_set $entryway_{name} $upstream_http_x_entryway_{name};"
            for name in ("upstream", "target", "host")
        ),
        *(
            f"        auth_request_set $entryway_h_{_variable(name)} $upstream_http_{_variable(name)};"
            for name in asked
        ),
        *(f"        proxy_set_header {name} $entryway_h_{_variable(name)};" for name in asked),
        "        proxy_set_header Host $entryway_host;",
        '        proxy_set_header Connection "";',
        f"        proxy_read_timeout {seconds:g}s;",
        f"        proxy_send_timeout {seconds:g}s;",
        *(_tls(ca_file) if tls else []),
        *(f"        add_header {name} {_added(name)} always;" for name, _ in plan.additions),
        "        proxy_pass $entryway_origin$entryway_target;",
        "    }",
        "",
        f"    location = {DECISION} {{",
        "        internal;",
        f"        proxy_pass http://{_DECISION}/auth_request;",
        "        proxy_pass_request_body off;",
        '        proxy_set_header Content-Length "";',
        '        proxy_set_header Connection "";',
        "        proxy_set_header X-Original-URL $scheme://$http_host$request_uri;",
        "        proxy_set_header X-Original-Method $request_method;",
        "        proxy_set_header X-Forwarded-For $remote_addr;",
        "    }",
        "",
        "    location @entryway_router {",
        "        proxy_pass http://$entryway_router;",
        "        proxy_set_header Host $http_host;",
        "        proxy_set_header X-Forwarded-Host $http_host;",
        "        proxy_set_header X-Forwarded-Proto $scheme;",
        "        proxy_set_header X-Forwarded-For $remote_addr;",
        *(f'        proxy_set_header {name} "";' for name in CLEARED_FOR_ROUTER),
        "        proxy_set_header Upgrade $http_upgrade;",
        "        proxy_set_header Connection $entryway_connection;",
        "        proxy_read_timeout 1h;  # the router has time-outs of its own",
        "    }",
        "}",
    ]
    return "\n".join(lines)


def _tls(ca_file: str) -> list[str]:
    return [
        "        proxy_ssl_server_name on;",
        "        proxy_ssl_name $entryway_tls_name;",
        "        proxy_ssl_verify on;",
        "        proxy_ssl_verify_depth 5;",
        f"        proxy_ssl_trusted_certificate {_quoted(ca_file)};",
    ]


def _map(source: str, variable: str, entries: list[tuple[str, str]], default: str = '""') -> str:
    lines = "".join(f"\n    {_pattern(key)} {value};" for key, value in entries)
    return f"map {source} {variable} {{\n    default {default};{lines}\n}}"


def _pattern(key: str) -> str:
    # Expressions and keys of ours hold no quote, and no backslash but before x, A, z, b and B and numbers.
    return f'"{key}"'


def _numbered(plan: Plan) -> list[tuple[int, Upstream]]:
    return list(enumerate(plan.upstreams))


def _block(index: int) -> str:
    return f"entryway_backend_{index}"


def _address(upstream: Upstream) -> str:
    host = f"[{upstream.host}]" if ":" in upstream.host else upstream.host
    return f"{host}:{upstream.port}"


def _added(name: str) -> str:
    return f"$entryway_add_{_variable(name)}"


def _variable(name: str) -> str:
    return name.lower().replace("-", "_")


def _literal(path: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "/_-") else rf"\x{ord(c):02x}" for c in path)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "${entryway_dollar}")
    return f'"{escaped}"'


def _comment(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)
