"""Whatever a file holds, reading it ends with a value or with mistakes, never with an exception."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entryway.landscape.check import check_folder

KEYS = [
    "ID",
    "_schema-version",
    "version",
    "modules",
    "resources",
    "name",
    "type",
    "path",
    "parameters",
    "properties",
    "requires",
    "provides",
    "group",
    "command",
    "service",
    "service-plan",
    "config",
    "health-check-type",
    "applications",
    "env",
    "services",
    "memory",
    "users",
    "password",
    "role-collections",
    "ports",
    "gateway",
    "on-premise",
    "systems",
    "virtual",
    "internal",
    "process",
    "resources",
    "exact",
    "principal",
    "list",
    "active",
    "optional",
]
WORDS = [
    "approuter.nodejs",
    "python",
    "org.cloudfoundry.managed-service",
    "org.cloudfoundry.user-provided-service",
    "xsuaa",
    "destination",
    "a",
    "b",
    "${a}",
    "~{a/b}",
    "~{b}",
    "${default-url}",
    "\\${x}",
    "${",
    "./x",
    "..",
    "/",
    "http",
    "https://127.0.0.1:1",
    "a:1",
    "null",
]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 70000),
    st.floats(allow_nan=False),
    st.sampled_from(WORDS),
    st.text(max_size=5),
)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.sampled_from(KEYS), st.text(max_size=3)), inner, max_size=6),
    ),
    max_leaves=30,
)
MODULE = st.fixed_dictionaries(
    {"name": st.sampled_from("abc"), "type": st.sampled_from(["python", "approuter.nodejs", "html5"])},
    optional={
        "path": st.sampled_from([".", "x", 5]),
        "requires": DOCUMENTS,
        "provides": DOCUMENTS,
        "parameters": DOCUMENTS,
        "properties": DOCUMENTS,
    },
)
MTA = st.one_of(
    DOCUMENTS,
    st.fixed_dictionaries(
        {"ID": st.just("a"), "version": st.just("1"), "modules": st.lists(MODULE, max_size=3)},
        optional={"resources": DOCUMENTS, "parameters": DOCUMENTS},
    ),
)


def check(folder: Path, name: str, document: Any) -> None:
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    try:
        mistakes = check_folder(folder)
    finally:
        path.unlink()
    assert all(isinstance(mistake.rule, str) and mistake.rule for mistake in mistakes)


@pytest.mark.parametrize("name", ["manifest.yml", "entryway.yaml"])
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=DOCUMENTS)
def test_any_document(tmp_path: Path, name: str, document: Any):
    check(tmp_path, name, document)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=MTA)
def test_any_mta(tmp_path: Path, document: Any):
    check(tmp_path, "mta.yaml", document)


@pytest.mark.parametrize("name", ["mta.yaml", "manifest.yml", "entryway.yaml"])
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.sampled_from("ab:-[]{}&*!|>'\"%@#,?\n \t<=~1"), max_size=40))
def test_any_text(tmp_path: Path, name: str, text: str):
    check(tmp_path, name, text)


@pytest.mark.parametrize("name", ["mta.yaml", "manifest.yml", "entryway.yaml"])
@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b"a: \x00", b"\xef\xbb\xbfa: 1", b"[" * 5000, b"? [a]\n: b", b"a: !!python/object:os.x"]
)
def test_hostile_bytes(tmp_path: Path, name: str, content: bytes):
    (tmp_path / name).write_bytes(content)

    assert check_folder(tmp_path)


def test_names_that_no_file_system_has(tmp_path: Path):
    resource = {
        "name": "uaa",
        "type": "org.cloudfoundry.managed-service",
        "parameters": {"service": "xsuaa", "path": "a\0b"},
    }
    module = {"name": "srv", "type": "python", "path": "a\0b"}
    check(tmp_path, "mta.yaml", {"ID": "a", "version": "1", "modules": [module], "resources": [resource]})
    check(tmp_path, "entryway.yaml", {"services": {"uaa": {"service": "xsuaa", "config": "a\0b"}}})
    check(tmp_path, "manifest.yml", {"applications": [{"name": "srv", "path": "a\0b"}]})
