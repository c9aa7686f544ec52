"""Configurations as people have them must pass, with the warnings that their README names and no others."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import httpx
import pytest
import yaml

from entryway.http import Server
from entryway.landscape.check import check_folder
from entryway.router.build import build
from entryway.router.configuration import read_configuration
from entryway.router.rendering import renderer

CONFIGURATIONS = Path(__file__).parents[2] / "data" / "configurations"
UAA = {"url": "https://uaa.example.com", "clientid": "c", "clientsecret": "s", "xsappname": "x", "identityzone": "z"}
# Folders that the example's files name and that applications have beside them.
FOLDERS = ("web", "openResources", "resources")

WARNINGS = {
    "products": [
        (
            "xs-app.json",
            '"dest-to-app" is sent the user\'s token, while the destination "ui5" is public (authenticationType none)',
        )
    ],
    "roles": [
        (
            "xs-app.shadowed.json",
            'the route "/service" is never reached: "/" (/routes/0) comes first and matches the same paths',
        ),
        ("xs-security.json", "TENANT_HOST_PATTERN is missing, although tenant-mode is shared"),
    ],
    "simple": [("xs-app.json", 'the source "^/application" also matches "/applications…"')],
    "reference": [
        (
            "xs-app.logout-loop.json",
            'the logout page "/logout-page.html" needs login (/routes/0): whoever logs out is asked to log in again',
        )
    ],
}


def test_every_configuration_has_its_warnings_listed():
    assert {path.name for path in CONFIGURATIONS.iterdir() if path.is_dir()} == set(WARNINGS)


@pytest.mark.parametrize("name", WARNINGS)
def test_the_warnings_are_exactly_those_that_it_deserves(name: str):
    mistakes = check_folder(CONFIGURATIONS / name)

    assert {mistake.severity for mistake in mistakes} == {"warning"}
    assert [(mistake.file, mistake.rule) for mistake in mistakes] == WARNINGS[name]


def every_router() -> list[tuple[str, str]]:
    return [(path.parent.name, path.name) for path in sorted(CONFIGURATIONS.glob("*/xs-app*.json"))]


@pytest.mark.parametrize(("name", "file"), every_router())
async def test_the_router_starts_with_it(tmp_path: Path, name: str, file: str):
    folder = tmp_path / name
    shutil.copytree(CONFIGURATIONS / name, folder)
    for beside in FOLDERS:
        (folder / beside).mkdir()
    (folder / file).rename(folder / "xs-app.json")
    # Shadowed routes lead to a destination that the manifest of the folder does not have.
    environ = {
        "destinations": json.dumps([*destinations(folder), {"name": "ui-destination", "url": "http://localhost"}])
    }
    repository = {
        "sap.cloud.service": "html5-apps-repo-rt",
        "uri": "https://repository.example.com",
        "uaa": UAA,
    }
    (folder / "default-services.json").write_text(json.dumps({"uaa": UAA, "html5-apps-repo": repository}))

    app = build(read_configuration(folder, environ if name != "reference" else {}))
    server = Server(app.router, app.limits, on_error=renderer(app))
    host, port = await server.listen("127.0.0.1", 0)
    async with httpx.AsyncClient(trust_env=False) as browser:
        answer = await browser.get(f"http://{host}:{port}/", headers={"accept": "text/html"})
    await server.close(0)
    await app.close()

    assert answer.status_code < 500


def destinations(folder: Path) -> list[dict[str, object]]:
    manifest = folder / "manifest.yml"
    if not manifest.exists():
        return []
    applications = yaml.safe_load(manifest.read_text())["applications"]
    return [
        each
        for application in applications
        for each in json.loads(application.get("env", {}).get("destinations", "[]"))
    ]
