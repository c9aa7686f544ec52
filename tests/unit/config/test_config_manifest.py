from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest

from entryway.config.manifest import read_manifest, start_mistakes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app").mkdir()
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "xs-app.json").write_text("{}")
    return tmp_path


def read(folder: Path, text: str):
    (folder / "manifest.yml").write_text(dedent(text))
    return read_manifest(folder / "manifest.yml")


def test_applications_become_modules(folder: Path):
    descriptor, mistakes = read(
        folder,
        """
        memory: 128M
        applications:
        - name: app
          path: app
          buildpack: python_buildpack
          command: python -m app
          services: [uaa, {name: db, binding_name: database, parameters: {role: reader}}]
          env: {LEVEL: 3}
        - name: web
          path: web
          host: web
          env:
            destinations: >
              [
                {"name": "app", "url": "http://localhost:9009", "forwardAuthToken": true}
              ]
          services: [uaa]
        """,
    )

    assert mistakes == []
    app, web = descriptor.modules
    assert (app.command, web.is_router) == ("python -m app", True)
    assert app.environment == {"LEVEL": "3"}
    assert json.loads(web.environment["destinations"])[0]["name"] == "app"
    assert (app.bindings[1].binding_name, app.bindings[1].parameters) == ("database", {"role": "reader"})
    assert [instance.name for instance in descriptor.instances] == ["uaa", "db"]


def test_attributes_above_the_applications_count_for_all(folder: Path):
    descriptor, mistakes = read(folder, "command: ./run\nservices: [uaa]\napplications: [{name: app, path: app}]")

    assert mistakes == []
    assert descriptor.modules[0].command == "./run"
    assert descriptor.modules[0].bindings[0].instance == "uaa"


def test_every_mistake_is_named_with_its_place(folder: Path):
    _, mistakes = read(
        folder,
        """
        applications:
        - name: app
          comand: x
        - name: other
          services: 5
        - name: twice
        - name: twice
          env: {SECRET: "((secret))"}
        """,
    )

    assert [(mistake.path, mistake.rule) for mistake in mistakes] == [
        ("/applications/0/comand", "Additional properties not allowed"),
        ("/applications/1/services", "Invalid type: number (expected array)"),
        ("/applications/3/env/SECRET", "the variable ((secret)) has no value here"),
        ("/applications/3/name", 'the name "twice" is taken by /applications/2'),
    ]
    assert mistakes[0].suggestion == "did you mean command?"


def test_what_stands_against_a_start_here_is_said_on_request(folder: Path):
    descriptor, mistakes = read(
        folder, "applications: [{name: app, path: app}, {name: gone, path: gone}, {name: web, path: web}]"
    )

    assert mistakes == []
    assert [mistake.rule for mistake in start_mistakes(descriptor, folder)] == [
        'nothing says how to start "app"',
        'the folder "gone" does not exist',
    ]


def test_a_python_application_beside_an_xs_app_json_is_no_router(folder: Path):
    descriptor, _ = read(folder, "applications: [{name: web, path: web, buildpack: python_buildpack}]")

    assert not descriptor.modules[0].is_router


def test_no_applications_is_a_mistake(folder: Path):
    descriptor, mistakes = read(folder, "version: 1")

    assert descriptor is None
    assert mistakes[0].path == "/applications"
