"""Names of requests: of their form, and never the same in two workers."""

import subprocess
import sys
from uuid import UUID

from entryway.http import Headers
from entryway.http.known_heads import KnownHead
from entryway.router.identifiers import correlation_id, new_request_id, new_uuid, request_id_of

FORK = """
import os
from entryway.router.identifiers import new_request_id, new_uuid
child = os.fork()
os.write(1, f"{new_request_id()} {new_uuid()}\\n".encode())  # in one piece: the two write at once
if child: os.wait()
"""


def test_a_request_id_is_sixteen_digits_and_another_each_time():
    names = {new_request_id() for _ in range(1000)}
    assert len(names) == 1000
    assert all(len(name) == 16 and int(name, 16) >= 0 for name in names)


def test_a_uuid_is_one_and_another_each_time():
    names = {new_uuid() for _ in range(1000)}
    assert len(names) == 1000
    assert {(UUID(name).version, str(UUID(name)) == name) for name in names} == {(4, True)}


def test_a_request_keeps_the_names_that_the_caller_or_the_platform_gave_it():
    names = [b"x-correlationid", b"x-correlation-id", b"x-request-id", b"x-vcap-request-id"]
    for index, name in enumerate(names):
        headers = Headers([(each, each) for each in names[index:]])
        assert correlation_id(headers) == name
        assert request_id_of(headers) == (b"x-request-id" if index < 3 else name)
    assert len(correlation_id(Headers())) == 36
    assert len(request_id_of(Headers())) == 16


def test_headers_that_came_before_keep_their_names_and_get_a_new_one_each_time_where_they_have_none():
    pairs = [(b"x-correlationid", b"c"), (b"x-request-id", b"r")]
    for raw, expected in ((pairs, ({b"c"}, {b"r"})), ([], (36, 16))):
        headers = Headers(raw)
        headers.known = KnownHead(raw)
        drawn = {correlation_id(headers) for _ in range(3)}, {request_id_of(headers) for _ in range(3)}
        if raw:
            assert drawn == expected
        else:
            assert [(len(names), {len(name) for name in names}) for names in drawn] == [(3, {36}), (3, {16})]


def test_workers_which_are_forks_name_differently():
    printed = subprocess.run(
        [sys.executable, "-c", FORK], check=True, capture_output=True, text=True, timeout=30
    ).stdout
    names = printed.split()
    assert len(names) == len(set(names)) == 4
    assert names[1][:24] != names[3][:24]
