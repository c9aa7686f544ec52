"""What a token costs the authorization server: CPU time of the whole control plane beside the raw signature.

python benchmarks/tokens.py [--seconds 4] [--rounds 2] [--pure]

Runs `entryway services` as people do (TLS, SQLite, one process), deploys an application, logs users in, and asks for
tokens with wrk over kept-alive connections: client credentials, refresh tokens (many different ones of several users in
turn, as applications have them), the same with an id_token, which is a second token, and jwt-bearer. The raw RSA-2048
signature of a text as long as a token's is measured in the same run, in a process of its own. "pure" is the package as
this Python has it, "compiled" the wheel as it is installed where there is a compiler (`scripts/compiled_site.py` builds
it first, one to two minutes; --pure spares it).
"""

from __future__ import annotations

import argparse
import json
import os
import ssl
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import httpx

from measure import Load, compiled_site, cpu_seconds, free_port, process, wrk

CONNECTIONS = 16
REFRESH_TOKENS = 200
USERS = 20
WITH_ID_TOKEN = "refresh_token, id_token"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SIGN = """
import time
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
key = rsa.generate_private_key(65537, 2048)
count, begin = 4000, time.process_time()
for _ in range(count):
    key.sign(b"x" * 1500, padding.PKCS1v15(), hashes.SHA256())
print((time.process_time() - begin) / count * 1e6)
"""
DESCRIPTOR = {
    "xsappname": "shop",
    "scopes": [{"name": "$XSAPPNAME.Display"}, {"name": "$XSAPPNAME.Edit"}],
    "role-templates": [{"name": "Editor", "scope-references": ["$XSAPPNAME.Display", "$XSAPPNAME.Edit"]}],
    "role-collections": [{"name": "Editors", "role-template-references": ["$XSAPPNAME.Editor"]}],
}


@dataclass(frozen=True)
class Shop:
    """An application with a user, and what is needed to ask for its tokens."""

    http: httpx.Client
    client: dict[str, str]

    def token(self, **form: str) -> dict:
        answer = self.http.post("/oauth/token", data=self.client | form)
        if answer.status_code != 200:
            raise RuntimeError(answer.text)
        return answer.json()

    def login(self, turn: int) -> dict:
        return self.token(grant_type="password", username=user_name(turn), password="correct horse")


def user_name(turn: int) -> str:
    return f"user{turn % USERS}@example.com"


def deploy(http: httpx.Client, state: Path) -> Shop:
    secret = json.loads((state / "secrets.json").read_text())["platform_client_secret"]
    form = {"grant_type": "client_credentials", "client_id": "entryway-platform", "client_secret": secret}
    token = http.post("/oauth/token", data=form).json()["access_token"]

    def put(path: str, body: dict) -> dict:
        answer = http.put(f"/entryway/v1/{path}", json=body, headers={"authorization": f"Bearer {token}"})
        answer.raise_for_status()
        return answer.json()

    put("applications/shop", {"plan": "application", "xs_security": DESCRIPTOR})
    bound = put("applications/shop/bindings/one", {})
    for turn in range(USERS):
        put(f"users/{user_name(turn)}", {"password": "correct horse", "role_collections": ["Editors"]})
    return Shop(http, {"client_id": bound["clientid"], "client_secret": bound["clientsecret"]})


def script(folder: Path, name: str, bodies: list[dict[str, str]]) -> Path:
    """Write what wrk sends, one body after another."""
    listed = ",\n".join(json.dumps(urlencode(body)) for body in bodies)
    file = folder / f"{name}.lua"
    file.write_text(
        f"local bodies = {{ {listed} }}\nlocal turn = 0\n"
        'wrk.method = "POST"\nwrk.headers["content-type"] = "application/x-www-form-urlencoded"\n'
        "function request()\n  turn = turn % #bodies + 1\n"
        "  return wrk.format(nil, nil, nil, bodies[turn])\nend\n"
    )
    return file


def measured(pid: int, url: str, file: Path, seconds: int) -> tuple[float, Load]:
    wrk(url, seconds=1, connections=CONNECTIONS, script=file)
    before = cpu_seconds(pid)
    load = wrk(url, seconds=seconds, connections=CONNECTIONS, script=file)
    return (cpu_seconds(pid) - before) / load.requests * 1e6, load


def raw_signature() -> float:
    return float(subprocess.run([sys.executable, "-c", SIGN], check=True, capture_output=True, text=True).stdout)


@dataclass(frozen=True)
class Build:
    """A build of the package that runs, and what each grant's requests are."""

    name: str
    pid: int
    url: str
    bodies: dict[str, Path]


def start(running: ExitStack, folder: Path, name: str, env: dict[str, str]) -> Build:
    """Run the control plane and write down what it is asked."""
    state, port = folder / "state", free_port()
    folder.mkdir()
    command = [sys.executable, "-m", "entryway", "services", "--state", str(state), "--port", str(port)]
    quiet = {"ENTRYWAY_LOG_FORMAT": "json", "ENTRYWAY_TOKEN_RATE": "0"}
    log = running.enter_context((folder / "log").open("w"))
    pid = running.enter_context(process(command, port=port, env=quiet | env, wait=60, log=log))
    tls = ssl.create_default_context(cafile=str(state / "ca" / "ca.pem"))
    with httpx.Client(base_url=f"https://localhost:{port}", verify=tls, timeout=60) as http:
        shop = deploy(http, state)
        tokens = [shop.login(turn) for turn in range(REFRESH_TOKENS)]
    refresh = [{"grant_type": "refresh_token", "refresh_token": token["refresh_token"]} for token in tokens]
    asked = {
        "client_credentials": [{"grant_type": "client_credentials"}],
        "refresh_token": refresh,
        WITH_ID_TOKEN: [form | {"response_type": "token id_token"} for form in refresh],
        "jwt-bearer": [{"grant_type": JWT_BEARER, "assertion": token["access_token"]} for token in tokens],
    }
    files = {
        grant: script(folder, grant.replace(", ", "-"), [shop.client | body for body in bodies])
        for grant, bodies in asked.items()
    }
    return Build(name, pid, f"https://localhost:{port}/oauth/token", files)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--seconds", type=int, default=4)
    options.add_argument("--rounds", type=int, default=2)
    options.add_argument("--pure", action="store_true", help="measure no compiled build")
    given = options.parse_args()
    builds = {"pure": {}} if given.pure else {"pure": {}, "compiled": {"PYTHONPATH": str(compiled_site())}}
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory()))
        started = [start(running, folder / name, name, env) for name, env in builds.items()]
        best: dict[tuple[str, str], tuple[float, Load]] = {}
        signatures = []
        # In turn, so that others on the machine disturb all alike.
        for _ in range(given.rounds):
            signatures.append(raw_signature())
            for grant in started[0].bodies:
                for build in started:
                    figure = measured(build.pid, build.url, build.bodies[grant], given.seconds)
                    subject = grant, build.name
                    best[subject] = min(best.get(subject, figure), figure, key=lambda one: one[0])
    raw = min(signatures)
    print(f"raw RSA-2048 signature: {raw:.0f} us of CPU ({os.cpu_count()} CPUs)\n")
    print(
        f"{'grant':<26}{'build':<10}{'CPU us/call':>14}{'us/token':>10}{'x signature':>13}{'calls/s':>10}"
        f"{'p50 ms':>9}{'p99 ms':>9}{'errors':>8}"
    )
    for (grant, build), (cost, load) in best.items():
        each = cost / 2 if grant == WITH_ID_TOKEN else cost
        latency = (load.latency_ms.get("50", 0), load.latency_ms.get("99", 0))
        print(
            f"{grant:<26}{build:<10}{cost:>14.0f}{each:>10.0f}{each / raw:>13.2f}{load.per_second:>10.0f}"
            f"{latency[0]:>9.1f}{latency[1]:>9.1f}{load.errors:>8}"
        )


if __name__ == "__main__":
    main()
