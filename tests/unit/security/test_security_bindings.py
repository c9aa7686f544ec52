"""Bindings in the shapes that platforms give them."""

import json
from pathlib import Path

import pytest

from entryway.security import BindingMissing, find_credentials
from entryway.security.bindings import read_bindings
from entryway.security.identity import find_identity

CREDENTIALS = {"clientid": "sb-app!t1", "xsappname": "app!t1", "url": "https://dev.auth.example", "uaadomain": "auth"}


def write(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text)


def environ(root: Path) -> dict[str, str]:
    return {"SERVICE_BINDING_ROOT": str(root)}


def metadata(*credentials: dict) -> str:
    about = [{"name": name, "format": "text"} for name in ("label", "plan", "instance_name")]
    about.append({"name": "tags", "format": "json"})
    return json.dumps({"metaDataProperties": about, "credentialProperties": list(credentials)})


ABOUT = {"label": "xsuaa", "plan": "application", "instance_name": "the-uaa", "tags": '["xsuaa"]'}


def test_a_folder_that_describes_itself(tmp_path):
    named = [{"name": name, "format": "text"} for name in CREDENTIALS] + [{"name": "more", "format": "json"}]
    write(tmp_path / "uaa", ABOUT | CREDENTIALS | {".metadata": metadata(*named), "more": '["x"]', "..data": "hidden"})
    (binding,) = read_bindings(environ(tmp_path), tmp_path)
    assert binding.names == {"uaa", "the-uaa"}
    assert binding.credentials == CREDENTIALS | {"more": ["x"]}
    assert find_credentials(environ(tmp_path), tmp_path).clientid == "sb-app!t1"
    assert find_credentials(environ(tmp_path) | {"UAA_SERVICE_NAME": "the-uaa"}, tmp_path).clientid == "sb-app!t1"


def test_all_credentials_in_one_file(tmp_path):
    one = {"name": "all", "format": "json", "container": True}
    write(tmp_path / "uaa", ABOUT | {".metadata": metadata(one), "all": json.dumps(CREDENTIALS)})
    assert find_credentials(environ(tmp_path), tmp_path).xsappname == "app!t1"


def test_a_folder_as_cloud_foundry_writes_it(tmp_path):
    about = {"label": "xsuaa", "type": "xsuaa", "plan": "application", "instance-name": "the-uaa", "tags": '["xsuaa"]'}
    write(tmp_path / "uaa", about | CREDENTIALS)
    (binding,) = read_bindings(environ(tmp_path), tmp_path)
    assert (binding.plan, binding.tags, dict(binding.credentials)) == ("application", ("xsuaa",), CREDENTIALS)
    assert "the-uaa" in binding.names


def test_folders_by_service_and_instance(tmp_path):
    write(tmp_path / "xsuaa" / "the-uaa", CREDENTIALS)
    assert find_credentials(environ(tmp_path) | {"UAA_SERVICE_NAME": "the-uaa"}, tmp_path).clientid == "sb-app!t1"
    assert find_credentials(environ(tmp_path), tmp_path).clientid == "sb-app!t1"


def test_the_environment_comes_before_folders_and_folders_before_the_file(tmp_path):
    write(tmp_path / "root" / "xsuaa" / "mounted", CREDENTIALS | {"clientid": "mounted"})
    in_file = {"xsuaa": [{"tags": ["xsuaa"], "credentials": CREDENTIALS | {"clientid": "in-file"}}]}
    (tmp_path / "default-env.json").write_text(json.dumps({"VCAP_SERVICES": in_file}))
    assert find_credentials({}, tmp_path).clientid == "in-file"
    assert find_credentials(environ(tmp_path / "root"), tmp_path).clientid == "mounted"
    given = environ(tmp_path / "root") | {"VCAP_SERVICES": json.dumps(in_file)}
    assert find_credentials(given, tmp_path).clientid == "in-file"


def test_an_identity_service(tmp_path):
    credentials = {"clientid": "c", "url": "https://t.ids.example", "domains": ["ids.example"], "app_tid": "z"}
    services = json.dumps({"identity": [{"name": "ias", "credentials": credentials}]})
    assert find_identity({"VCAP_SERVICES": services}, tmp_path).domains == ("ids.example",)
    with pytest.raises(BindingMissing, match="identity"):
        find_identity({}, tmp_path)


@pytest.mark.parametrize("name", ["../secret", "", ".", "..", "a/b", "a\0b", 5, None])
def test_metadata_names_files_beside_it_alone(tmp_path, name):
    (tmp_path / "secret").write_text("s3cret")
    write(tmp_path / "root" / "uaa", ABOUT | {".metadata": metadata({"name": name, "format": "text"})})
    with pytest.raises(BindingMissing, match="metadata"):
        read_bindings(environ(tmp_path / "root"), tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", "5", '"x"', "[" * 100_000])
def test_metadata_that_is_none(tmp_path, text):
    write(tmp_path / "uaa", ABOUT | {".metadata": text})
    with pytest.raises(BindingMissing, match=r"uaa/.metadata"):
        read_bindings(environ(tmp_path), tmp_path)


def test_what_is_wrong_is_said_where(tmp_path):
    with pytest.raises(BindingMissing, match="SERVICE_BINDING_ROOT"):
        read_bindings(environ(tmp_path / "nowhere"), tmp_path)
    with pytest.raises(BindingMissing, match=r"nowhere.json"):
        read_bindings({"VCAP_SERVICES_FILE_PATH": str(tmp_path / "nowhere.json")}, tmp_path)
    (tmp_path / "large.json").write_text(" " * 1_000_001)
    with pytest.raises(BindingMissing, match="1 MB"):
        read_bindings({"VCAP_SERVICES_FILE_PATH": str(tmp_path / "large.json")}, tmp_path)
    services = json.dumps({"postgresql": [{"name": "shop-db", "tags": ["sql"], "credentials": {}}]})
    with pytest.raises(BindingMissing, match=r"bound: shop-db"):
        find_credentials({"VCAP_SERVICES": services}, tmp_path)
