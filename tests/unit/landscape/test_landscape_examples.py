"""Configurations as users bring them must pass, with the warnings that they deserve and no others."""

from __future__ import annotations

import json
from pathlib import Path

from entryway.landscape.check import check_folder


def warnings(folder: Path) -> list[tuple[str, str]]:
    mistakes = check_folder(folder)
    assert all(mistake.severity == "warning" for mistake in mistakes)
    return [(mistake.file, mistake.rule) for mistake in mistakes]


def test_a_product_list_with_a_second_public_destination(tmp_path: Path):
    (tmp_path / "manifest.yml").write_text(
        """
applications:
- name: connectivity-app-demo
  host: connectivity-app-demo
  buildpack: python_buildpack
  memory: 512M
  path: app
  services: [xsuaa-demo, connectivity-demo-lite, destination-demo-lite]
- name: approuter-demo
  host: approuter-demo
  buildpack: nodejs_buildpack
  path: approuter
  env:
    destinations: >
      [
        {"name":"dest-to-app", "url":"http://localhost:9009", "forwardAuthToken": true},
        {"name":"ui5", "url":"http://localhost:9010"}
      ]
  services: [xsuaa-demo]
"""
    )
    (tmp_path / "xs-security.json").write_text('{ "xsappname": "connectivity-app-demo", "tenant-mode": "dedicated" }')
    (tmp_path / "xs-app.json").write_text(
        json.dumps(
            {
                "welcomeFile": "index.html",
                "routes": [
                    {"source": "/app", "target": "/", "destination": "dest-to-app"},
                    {"source": "^/ui5/(.*)$", "target": "$1", "destination": "ui5", "authenticationType": "none"},
                ],
            }
        )
    )

    [(file, rule)] = warnings(tmp_path)

    assert file == "xs-app.json"
    assert rule.startswith('"dest-to-app" is sent the user\'s token, while the destination "ui5" is public')


def test_roles_of_several_tenants_and_a_hidden_route(tmp_path: Path):
    (tmp_path / "xs-security.json").write_text('{"xsappname": "demo", "tenant-mode": "shared"}')
    (tmp_path / "xs-app.json").write_text(
        json.dumps({"routes": [{"source": "/service/", "target": "/", "destination": "service-destination"}]})
    )
    (tmp_path / "xs-app.shadowed.json").write_text(
        json.dumps(
            {
                "routes": [
                    {"source": "/", "target": "/", "destination": "ui-destination"},
                    {"source": "/service", "target": "/", "destination": "service-destination"},
                ]
            }
        )
    )

    found = dict(warnings(tmp_path))

    assert set(found) == {"xs-app.shadowed.json", "xs-security.json"}
    assert 'the route "/service" is never reached: "/" (/routes/0) comes first' in found["xs-app.shadowed.json"]
    assert found["xs-security.json"].startswith("TENANT_HOST_PATTERN is missing")


def test_an_open_end_and_a_logout_page_behind_login(tmp_path: Path):
    (tmp_path / "xs-app.json").write_text(
        json.dumps(
            {
                "welcomeFile": "index.html",
                "logout": {"logoutEndpoint": "/my/logout", "logoutPage": "/logout-page.html"},
                "routes": [
                    {"source": "^/application", "target": "/", "destination": "application"},
                    {"source": "^/(.*)$", "localDir": "web"},
                ],
            }
        )
    )

    rules = [rule for _, rule in warnings(tmp_path)]

    assert rules[0] == 'the source "^/application" also matches "/applications…"'
    assert rules[1].startswith('the logout page "/logout-page.html" needs login (/routes/1)')
