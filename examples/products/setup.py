"""Build the example's page: install OpenUI5 through npm, compile it once, and put what a browser needs into place.

Run it again at any time: it does nothing while the page's sources and the versions in package-lock.json are the same.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
RESOURCES = HERE / "router" / "resources"
STAMP = RESOURCES / ".built-from"
SOURCES = ("package.json", "package-lock.json", "ui5.yaml", "setup.py", "webapp")

# The build writes every module thrice (readable, compressed, source map), and every theme of every library.
LEFT_OUT_SUFFIXES = ("-dbg.js", ".map", ".less", ".d.ts", ".support.js", ".designtime.js", "library-parameters.json")
LEFT_OUT_FOLDERS = {"test-resources", "designtime", "qunit", "test", "demokit", "flexibility"}
THEMES = {"base", "sap_horizon"}

INSTALL = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"]
BUILD = ["node_modules/.bin/ui5", "build", "self-contained", "--include-all-dependencies", "--clean-dest", "--dest"]

NODE_IS_MISSING = """\
Node.js and npm are needed to build the page of this example, and {missing} is not on the PATH.
  Debian, Ubuntu:  apt-get install nodejs npm     (Node.js 20.11 or newer)
  elsewhere:       install Node.js from your usual source, then run this again."""


class SetUpError(Exception):
    """What stopped the set-up, in words for the person who started it."""


def main() -> int:
    started = time.monotonic()
    try:
        wanted = fingerprint()
        if STAMP.is_file() and STAMP.read_text() == wanted:
            say("The page of examples/products is up to date.")
            return 0
        set_up(wanted)
    except SetUpError as error:
        print(error, file=sys.stderr)
        return 1
    say(f"Ready after {time.monotonic() - started:.0f} s.")
    return 0


def set_up(wanted: str) -> None:
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise SetUpError(NODE_IS_MISSING.format(missing=program))
    with tempfile.TemporaryDirectory(prefix="products-page-") as folder:
        built = Path(folder) / "built"
        say("1/3 Installing OpenUI5 and its build tool through npm (about 190 MB) ...")
        run(INSTALL)
        say("2/3 Building the page and its libraries (about half a minute) ...")
        run([*BUILD, str(built)])
        say("3/3 Putting what a browser needs into router/resources ...")
        put_into_place(built, wanted)


def put_into_place(built: Path, wanted: str) -> None:
    fresh = RESOURCES.with_name("resources.new")
    shutil.rmtree(fresh, ignore_errors=True)
    for source in needed(built):
        target = fresh / source.relative_to(built)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    (fresh / "resources" / "sap-ui-version.json").write_text(json.dumps(version_information()))
    (fresh / STAMP.name).write_text(wanted)
    # The stamp arrives together with the files: a set-up that was interrupted is begun again.
    shutil.rmtree(RESOURCES, ignore_errors=True)
    fresh.rename(RESOURCES)


def needed(built: Path) -> Iterator[Path]:
    for path in sorted(built.rglob("*")):
        parts = path.relative_to(built).parts
        if path.is_file() and not path.name.endswith(LEFT_OUT_SUFFIXES) and not LEFT_OUT_FOLDERS.intersection(parts):
            theme = parts[parts.index("themes") + 1] if "themes" in parts[:-1] else None
            if theme is None or theme in THEMES:
                yield path


def version_information() -> dict[str, object]:
    """Return what UI5 asks for at start, from the packages that were built."""
    packages = sorted((HERE / "node_modules" / "@openui5").glob("*/package.json"))
    libraries = [
        {"name": path.parent.name, "version": json.loads(path.read_text(encoding="utf-8"))["version"]}
        for path in packages
    ]
    return {"name": "entryway.products", "version": libraries[0]["version"], "libraries": libraries}


def fingerprint() -> str:
    digest = hashlib.sha256()
    for name in SOURCES:
        path = HERE / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                digest.update(file.relative_to(HERE).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def run(command: list[str]) -> None:
    """Run one step and show that it moves; its whole output only if it fails."""
    output: list[str] = []
    with subprocess.Popen(
        command, cwd=HERE, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            output.append(line)
            if "Building " in line:
                say("      " + line[line.index("Building ") :].strip())
    if process.returncode != 0:
        raise SetUpError(f"{''.join(output[-40:])}\n{' '.join(command)} ended with {process.returncode}.")


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
