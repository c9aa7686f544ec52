"""What `EXT_SESSION_MGT` and the binding it names may say, and what is said about the rest."""

from __future__ import annotations

import json

import pytest

from entryway.config.external_sessions import Address, read_external_sessions
from entryway.config.vcap import Binding

GOOD = {"instanceName": "store", "storageType": "redis", "sessionSecret": "x" * 64}


def read(document, **credentials):
    text = document if isinstance(document, str) else json.dumps(document)
    binding = Binding("store", "redis-cache", None, (), credentials, path="/redis-cache/0/credentials")
    found, mistakes = read_external_sessions({"EXT_SESSION_MGT": text}, [binding])
    return found, [str(mistake) for mistake in mistakes]


def test_without_the_variable_sessions_are_not_shared():
    assert read_external_sessions({}, []) == (None, [])


@pytest.mark.parametrize(
    ("document", "rule"),
    [
        ("{", "Invalid value for environment variable EXT_SESSION_MGT: Expecting property name"),
        ("[" * 100_000, "Invalid value for environment variable EXT_SESSION_MGT: "),
        ('"x"', "EXT_SESSION_MGT: Invalid type: string (expected object)"),
        ([], "EXT_SESSION_MGT: Invalid type: array (expected object)"),
        ({}, "EXT_SESSION_MGT: Missing required property: instanceName"),
        ({}, "EXT_SESSION_MGT: Missing required property: storageType"),
        ({}, "EXT_SESSION_MGT: Missing required property: sessionSecret"),
        (GOOD | {"foo": 1}, "EXT_SESSION_MGT#/foo: Additional properties not allowed"),
        (GOOD | {"storageType": "memcached"}, 'EXT_SESSION_MGT#/storageType: No enum match for: "memcached"'),
        (GOOD | {"sessionSecret": "x" * 63}, "#/sessionSecret: String is too short (63 chars), minimum 64"),
        (GOOD | {"sessionSecret": 5}, "EXT_SESSION_MGT#/sessionSecret: Invalid type: number (expected string)"),
        (GOOD | {"commandTimeout": 0}, "EXT_SESSION_MGT#/commandTimeout: Value 0 is less than minimum 1"),
        (GOOD | {"connectTimeout": "5"}, "EXT_SESSION_MGT#/connectTimeout: Invalid type: string (expected integer)"),
        (GOOD | {"keepAlive": -1}, "EXT_SESSION_MGT#/keepAlive: Value -1 is less than minimum 0"),
        (GOOD | {"backOffMultiplier": 1.5}, "#/backOffMultiplier: Invalid type: number (expected integer)"),
        (GOOD | {"rejectUnauthorized": "no"}, "#/rejectUnauthorized: Invalid type: string (expected boolean)"),
        (GOOD | {"instanceName": "sture"}, "EXT_SESSION_MGT_INSTANCE with value sture defined but no matching"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_settings_is_named(document, rule):
    found, mistakes = read(document, hostname="h")
    assert found is None
    assert any(rule in mistake for mistake in mistakes)


@pytest.mark.parametrize(
    ("credentials", "rule"),
    [
        ({}, "names neither hostname, nor uri, nor sentinel_nodes"),
        ({"hostname": "h", "port": 70_000}, "/redis-cache/0/credentials/port"),
        ({"hostname": "h", "cluster_mode": "perhaps"}, "/redis-cache/0/credentials/cluster_mode"),
        ({"uri": "http://h"}, "uri: must begin with redis:// or rediss://"),
        ({"uri": "redis://h:port"}, "uri: is not a URL"),
        ({"uri": "redis://h/name"}, "uri: its path is the number of a database"),
        ({"sentinel_nodes": [{"port": 1}]}, "/redis-cache/0/credentials/sentinel_nodes/0/hostname"),
        ({"sentinel_nodes": [{"hostname": "h"}], "cluster_mode": True}, "has both cluster_mode and sentinel_nodes"),
    ],
)
def test_a_mistake_in_the_binding_is_named_without_its_secrets(credentials, rule):
    found, mistakes = read(GOOD, password="never-shown", **credentials)
    assert found is None
    assert any(rule in mistake for mistake in mistakes)
    assert "never-shown" not in "".join(mistakes)


def test_a_hostname_counts_more_than_the_uri_beside_it():
    found, _ = read(GOOD, hostname="h", port="6380", password="p", tls=True, uri="redis://no-user-name:q@other:1")
    assert (found.addresses, found.username, found.password, found.tls) == ((Address("h", 6380),), None, "p", True)


def test_a_uri_alone_says_everything():
    found, _ = read(GOOD, uri="rediss://me:p%40ss@h:7000/3")
    assert (found.addresses, found.username, found.password) == ((Address("h", 7000),), "me", "p@ss")
    assert (found.tls, found.database, found.kind) == (True, 3, "single")


def test_clusters_and_sentinels_are_told_apart():
    assert read(GOOD, hostname="h", cluster_mode=True)[0].kind == "cluster"
    found, _ = read(GOOD, sentinel_nodes=[{"hostname": "a"}, {"hostname": "b", "port": 2}], master_name="m")
    assert (found.kind, found.addresses, found.master) == ("sentinel", (Address("a", 26379), Address("b", 2)), "m")


def test_null_is_what_a_service_does_not_have_and_host_another_word_for_hostname():
    found, mistakes = read(GOOD, host="h", port=1, tls=None, uri=None, sentinel_nodes=None, cluster_mode=None)
    assert (found.addresses, found.kind, found.tls, mistakes) == ((Address("h", 1),), "single", False, [])
    assert read(GOOD, sentinel_nodes=[{"host": "a"}])[0].addresses == (Address("a", 26379),)


def test_times_are_read_as_milliseconds_and_have_defaults():
    found, _ = read(GOOD, hostname="h")
    assert (found.longest_wait, found.wait_step, found.command_timeout, found.connect_timeout) == (2.0, 0.05, 5.0, 10.0)
    found, _ = read(GOOD | {"defaultRetryTimeout": 500, "commandTimeout": 1500, "keepAlive": 30_000}, hostname="h")
    assert (found.longest_wait, found.command_timeout, found.keep_alive) == (0.5, 1.5, 30.0)


def test_secrets_do_not_show():
    found, _ = read(GOOD, hostname="h", password="never-shown")
    assert "never-shown" not in repr(found)
    assert "x" * 64 not in repr(found)
