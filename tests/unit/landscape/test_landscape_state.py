from __future__ import annotations

import stat
from pathlib import Path

import pytest

from entryway.landscape.files import write_private
from entryway.landscape.record import ControlPorts, LandscapeRecord, load_record, save_record
from entryway.landscape.secrets import load_or_create_secrets, load_secrets
from entryway.landscape.state import AlreadyRunning, StateUnusable, held, is_held, open_state


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_state_folder_is_for_its_owner_and_for_no_repository(tmp_path: Path):
    state = open_state(tmp_path / "app" / ".entryway")

    assert all(mode_of(path) == 0o700 for path in (state.root, state.data, state.run, state.connector))
    assert (state.root / ".gitignore").read_text() == "*\n"


def test_the_port_that_goes_without_saying_is_in_no_address():
    ports = ControlPorts(services=443, certificates=443, identity_provider=443)

    assert {ports.public_url, ports.certificate_url, ports.identity_provider_url} == {"https://localhost"}
    assert ControlPorts(services=4430).public_url == "https://localhost:4430"


def test_a_folder_with_other_rights_is_closed(tmp_path: Path):
    (tmp_path / ".entryway").mkdir(mode=0o755)

    assert mode_of(open_state(tmp_path / ".entryway").root) == 0o700


def test_a_state_folder_that_is_a_file_is_an_error_in_clear_words(tmp_path: Path):
    (tmp_path / ".entryway").write_text("")

    with pytest.raises(StateUnusable, match="cannot be used"):
        open_state(tmp_path / ".entryway")


def test_only_one_landscape_holds_a_folder(tmp_path: Path):
    state = open_state(tmp_path)
    assert not is_held(state)

    with held(state):
        assert is_held(state)
        with pytest.raises(AlreadyRunning, match="stop it first"), held(state):
            pass

    assert not is_held(state)
    with held(state):
        pass


def test_a_file_is_replaced_whole_and_kept_private(tmp_path: Path):
    file = tmp_path / "secret"
    file.write_text("old")
    file.chmod(0o644)

    write_private(file, b"new")

    assert file.read_bytes() == b"new"
    assert mode_of(file) == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_secrets_are_made_once(tmp_path: Path):
    state = open_state(tmp_path)
    made = load_or_create_secrets(state)

    assert load_or_create_secrets(state) == made == load_secrets(state)
    assert len(made.master_key) == 32
    assert mode_of(state.secrets_file) == 0o600
    assert made.platform_client_secret not in repr(made)


def test_secrets_are_not_made_anew_beside_databases_that_need_the_old_ones(tmp_path: Path):
    state = open_state(tmp_path)
    (state.data / "authserver.db").write_bytes(b"")

    with pytest.raises(StateUnusable, match="holds databases that need it"):
        load_or_create_secrets(state)
    assert not state.secrets_file.exists()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"master_key": "AAAA", "platform_client_secret": "x"}',
        '{"master_key": "!", "platform_client_secret": "x"}',
    ],
)
def test_damaged_secrets_are_an_error_that_shows_none(tmp_path: Path, content: str):
    state = open_state(tmp_path)
    state.secrets_file.write_text(content)

    with pytest.raises(StateUnusable) as raised:
        load_secrets(state)
    assert "AAAA" not in raised.value.detail


def test_ids_stay_the_same_from_one_start_to_the_next(tmp_path: Path):
    state = open_state(tmp_path)
    ids = iter("abcdef")
    record = LandscapeRecord(ports=ControlPorts(services=9443))
    first = (
        record.application_id("web", lambda: next(ids)),
        record.instance_id("uaa", lambda: next(ids)),
        record.binding_id("web", "uaa", lambda: next(ids)),
    )
    save_record(state, record)

    again = load_record(state)

    assert first == (
        again.application_id("web", str),
        again.instance_id("uaa", str),
        again.binding_id("web", "uaa", str),
    )
    assert again.ports.public_url == "https://localhost:9443"


@pytest.mark.parametrize("content", ["", "{", '{"ports": {"services": "x"}}', "[]"])
def test_a_damaged_record_is_an_error_in_clear_words(tmp_path: Path, content: str):
    state = open_state(tmp_path)
    state.landscape_file.write_text(content)

    with pytest.raises(StateUnusable, match="is damaged"):
        load_record(state)


def test_a_record_of_another_version_is_read(tmp_path: Path):
    state = open_state(tmp_path)
    state.landscape_file.write_text('{"surprise": 1, "ports": {"services": 9443}}')

    assert load_record(state).ports.services == 9443
