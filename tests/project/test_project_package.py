"""The package stays honest: layers hold, and the security library installs alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_imports_point_down_only() -> None:
    linted = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert linted.returncode == 0, linted.stdout + linted.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)],
        check=True, capture_output=True, env=os.environ | {"ENTRYWAY_COMPILE": "0"},
    )  # fmt: skip
    (built,) = folder.glob("entryway-*.whl")
    return built


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "entryway/py.typed" in names
    assert any(name.endswith(".html") for name in names), "the pages' templates are missing"
    assert {name.split("/")[0].split("-")[0] for name in names} == {"entryway"}


def test_the_security_library_installs_alone(wheel: Path, tmp_path: Path) -> None:
    python = tmp_path / "venv/bin/python"
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", str(wheel)], check=True, capture_output=True)

    imported = subprocess.run(
        [str(python), "-c", "import json, sys, entryway.security; print(json.dumps(sorted(sys.modules)))"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip

    modules = set(json.loads(imported.stdout))
    ours = {name for name in modules if name.startswith("entryway.")}
    assert all(name.startswith(("entryway.security", "entryway.errors")) for name in ours), ours
    # The HTTP client is loaded when keys are fetched, not when an application starts.
    assert "httpx" not in modules

    judged = subprocess.run([str(python), "-W", "error", "-c", JUDGES], check=False, capture_output=True, text=True)
    assert judged.returncode == 0, judged.stderr
    assert judged.stdout == "alex\n"


# With the base dependencies alone: the drop-in, WSGI and ASGI; the frameworks are not there, and nothing asks for them.
JUDGES = """
import importlib.util
from cryptography.hazmat.primitives.asymmetric import rsa
from entryway.security import asgi, wsgi, xssec
from entryway.security.jwks_client import pinned_keys
from entryway.testing.local_issuer import KID, LocalIssuer

for name in ("joserfc", "flask", "django", "starlette", "pydantic", "sqlalchemy", "pytest"):
    assert importlib.util.find_spec(name) is None, name
issuer = LocalIssuer(rsa.generate_private_key(65537, 2048))
with pinned_keys(issuer.host, {KID: issuer.key.public_key()}):
    print(xssec.create_security_context(issuer.make_token(), issuer.credentials()).get_logon_name())
"""
