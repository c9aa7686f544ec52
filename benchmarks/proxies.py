"""Proxies that carry the bytes and ask the router, in one run: CPU time per request of proxy and router together.

python benchmarks/proxies.py [--seconds 6] [--rounds 2]

The application is the one of `router.py`: twenty routes before the one that is asked for, session, scope, CSRF
protection, and a token of about 1.8 kB. The proxies run on what `entryway export` writes, with one worker.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from measure import Figure, Subject, cpu_seconds, free_port, measure, nginx_proxy, nginx_upstream, process, table
from router import login, silenced, write_application

NGINX = (
    "daemon off; worker_processes 1; pid {home}/pid; error_log {home}/error.log error;"
    " events {{ worker_connections 4096; }} http {{ access_log off; keepalive_requests 100000000;"
    " client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/fastcgi;"
    " uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi; include {home}/exported; }}"
)


def exported(proxy: str, app: Path, env: dict[str, str], port: int) -> str:
    """Return what `entryway export` writes."""
    command = [sys.executable, "-m", "entryway", "export", proxy, "-w", str(app), "--listen", f"127.0.0.1:{port}"]
    return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout


def command_of(proxy: str, home: Path, text: str) -> list[str]:
    """Write the proxy's files, and return what starts it."""
    home.mkdir()
    if proxy == "envoy":
        (home / "envoy.yaml").write_text(text)
        envoy = Path(sys.executable).with_name("envoy")
        return [
            str(envoy),
            "-c",
            str(home / "envoy.yaml"),
            "--concurrency",
            "1",
            "-l",
            "error",
            "--disable-hot-restart",
        ]
    (home / "exported").write_text(text)
    (home / "nginx.conf").write_text(NGINX.format(home=home))
    return ["/usr/sbin/nginx", "-p", str(home), "-c", str(home / "nginx.conf"), "-e", str(home / "error.log")]


def together(subject: Subject, others: list[int], *, seconds: int) -> Figure:
    """Measure a subject with the CPU time of what it asks."""
    measure(subject, seconds=1)
    before = sum(map(cpu_seconds, others))
    figure = measure(subject, seconds=seconds, warm_up=1)
    # The warm-up's second counts with the others: scale it away.
    spent = (sum(map(cpu_seconds, others)) - before) * seconds / (seconds + 1)
    return replace(figure, cpu_seconds=figure.cpu_seconds + spent)


def compare(seconds: int, rounds: int) -> list[Figure]:
    """Measure everything, several times, and return the best round of each."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        app = folder / "app"
        app.mkdir()
        upstream, reference, uaa, port, decision = (free_port() for _ in range(5))
        env = write_application(app, uaa, upstream, 20) | {
            "PORT": str(port), "ENTRYWAY_DECISION_PORT": str(decision), "TRUSTED_PROXIES": "127.0.0.1",
        }  # fmt: skip
        stack.enter_context(nginx_upstream(folder, upstream))
        plain = stack.enter_context(nginx_proxy(folder, reference, upstream))
        bench = str(Path(__file__).with_name("router.py"))
        stack.enter_context(process([sys.executable, bench, "--serve-uaa", str(uaa)], port=uaa))
        with silenced():
            router = stack.enter_context(
                process([sys.executable, "-m", "entryway.router", "-w", str(app)], port=port, env=env)
            )
        cookie = {"Cookie": login(port, "/api/x")}
        subjects = [
            (Subject("nginx plain proxy", plain, f"http://127.0.0.1:{reference}/x"), []),
            (Subject("router alone", router, f"http://127.0.0.1:{port}/api/x", cookie), []),
        ]
        for proxy in ("nginx", "envoy"):
            at = free_port()
            pid = stack.enter_context(
                process(command_of(proxy, folder / f"{proxy}-asks", exported(proxy, app, env, at)), port=at)
            )
            subject = Subject(f"{proxy} that asks the router", pid, f"http://127.0.0.1:{at}/api/x", cookie)
            subjects += [(subject, [router]), (replace(subject, name=f"  {proxy} itself"), [])]
        taken = [[together(subject, others, seconds=seconds) for subject, others in subjects] for _ in range(rounds)]
        return [min(figures, key=lambda figure: figure.cpu_us) for figures in zip(*taken, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    print(table(compare(arguments.seconds, arguments.rounds), "nginx plain proxy"))


if __name__ == "__main__":
    main()
