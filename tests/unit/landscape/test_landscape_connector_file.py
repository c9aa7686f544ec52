"""What `entryway up` keeps of a connector's file, and what it makes anew."""

from pathlib import Path

import pytest

from entryway.config.landscape_file import OnPremiseDocument
from entryway.connector.pair import PRINCIPAL_ANCHOR, SYSTEM_ANCHOR
from entryway.landscape.on_premise import ConnectorFile
from entryway.landscape.record import ControlPorts
from entryway.landscape.state import StateFolder

KEYS = {"system_certificate": {}, "principal_ca": {}}
DOCUMENT = {"identity": {"connector_id": "x"}, "mappings": [], **KEYS}


@pytest.mark.parametrize(
    ("lost", "section"), [(SYSTEM_ANCHOR, "system_certificate"), (PRINCIPAL_ANCHOR, "principal_ca")]
)
def test_keys_whose_anchor_is_gone_are_not_kept(tmp_path: Path, lost: str, section: str) -> None:
    file = ConnectorFile(StateFolder(tmp_path), OnPremiseDocument(), ControlPorts(), tmp_path)
    file.path.parent.mkdir(parents=True)
    for anchor in (SYSTEM_ANCHOR, PRINCIPAL_ANCHOR):
        (file.path.parent / anchor).touch()
    assert file._without_lost_keys(DOCUMENT) == DOCUMENT
    (file.path.parent / lost).unlink()
    assert set(file._without_lost_keys(DOCUMENT)) == set(DOCUMENT) - {section, "identity"}
