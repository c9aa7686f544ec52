"""Builds of the router beside each other, nginx and Envoy, in turn: what compiling and a Python's own build are worth.

python benchmarks/router_builds.py [--rounds 6] [--other-paths] NAME=PYTHON[,FOLDER...] ...

Each build is an interpreter, and folders for its module path (an unpacked wheel, say). All run at the same time and are
loaded one after the other, a second each, so that others on the machine disturb them all alike; the best round counts.
With --other-paths each request asks for a path and a query that were never asked for.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from measure import Figure, Subject, envoy_proxy, free_port, measure, nginx_proxy, nginx_upstream, process, table
from router import login, silenced, write_application

OTHER_PATHS = """local number = 0
request = function()
  number = number + 1
  return wrk.format("GET", wrk.path .. number .. "?$top=" .. number)
end
"""


def compare(builds: list[str], rounds: int, *, other_paths: bool = False) -> list[Figure]:
    """Return the best round of every subject."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name)
        upstream, reference, envoy, uaa = (free_port() for _ in range(4))
        script = None
        if other_paths:
            script = folder / "paths.lua"
            script.write_text(OTHER_PATHS)
        app = folder / "app"
        app.mkdir()
        env = write_application(app, uaa, upstream, 20)
        running.enter_context(nginx_upstream(folder, upstream))
        nginx_pid = running.enter_context(nginx_proxy(folder, reference, upstream))
        envoy_pid = running.enter_context(envoy_proxy(folder, envoy, upstream))
        authority = [sys.executable, str(Path(__file__).with_name("router.py")), "--serve-uaa", str(uaa)]
        running.enter_context(process(authority, port=uaa))
        subjects = [
            Subject("nginx", nginx_pid, f"http://127.0.0.1:{reference}/x", script=script),
            Subject("Envoy", envoy_pid, f"http://127.0.0.1:{envoy}/x", script=script),
        ]
        for build in builds:
            label, _, what = build.partition("=")
            python, *folders = what.split(",")
            port = free_port()
            own = env | {"PORT": str(port), "PYTHONPATH": os.pathsep.join(folders)}
            with silenced():
                command = [python, "-m", "entryway.router", "-w", str(app)]
                pid = running.enter_context(process(command, port=port, env=own, wait=60))
            at = f"http://127.0.0.1:{port}"
            cookie = {"Cookie": login(port, "/api/x")}
            subjects += [
                Subject(f"{label}, public route", pid, f"{at}/public/x", script=script),
                Subject(f"{label}, authenticated route", pid, f"{at}/api/x", cookie, script),
                Subject(f"{label}, static file", pid, f"{at}/files/app.js"),
            ]
        taken = [[measure(subject, seconds=1) for subject in subjects] for _ in range(rounds)]
    return [min(figures, key=lambda figure: figure.cpu_us) for figures in zip(*taken, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("builds", nargs="+", metavar="NAME=PYTHON[,FOLDER...]")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--other-paths", action="store_true")
    arguments = parser.parse_args()
    print(table(compare(arguments.builds, arguments.rounds, other_paths=arguments.other_paths), "nginx", "Envoy"))


if __name__ == "__main__":
    main()
