from __future__ import annotations

import io
import json
import logging
import re
from datetime import UTC, datetime

import pytest
import structlog

from entryway.telemetry import configure_logging, get_logger


@pytest.fixture(autouse=True)
def _restore_logging():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def logged(out: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_an_event_is_one_line_of_json_with_its_part_level_and_time():
    out = io.StringIO()
    configure_logging(json=True, level="info", stream=out)

    get_logger("entryway.router").info("login_completed", user_id="anna")

    [event] = logged(out)
    assert event["event"] == "login_completed"
    assert event["part"] == "entryway.router"
    assert event["user_id"] == "anna"
    assert event["level"] == "info"
    assert str(event["timestamp"]).endswith("Z")


@pytest.mark.parametrize(
    "name", ["password", "client_secret", "Authorization", "Set-Cookie", "access_token", "master_key"]
)
def test_the_value_of_a_secret_name_never_reaches_the_log(name: str):
    out = io.StringIO()
    configure_logging(json=True, level="info", stream=out)

    get_logger("x").info("happened", **{name: "s3cret"}, request={"headers": {name: "s3cret"}})

    assert "s3cret" not in out.getvalue()
    assert logged(out)[0][name] == "***"


def test_other_values_stay_readable():
    out = io.StringIO()
    configure_logging(json=True, level="info", stream=out)

    get_logger("x").info("happened", token_type="bearer", user="anna")

    assert logged(out)[0]["token_type"] == "bearer"


def test_events_below_the_level_are_dropped():
    out = io.StringIO()
    configure_logging(json=True, level="warning", stream=out)

    get_logger("x").info("quiet")
    get_logger("x").warning("loud")

    assert [event["event"] for event in logged(out)] == ["loud"]


def test_records_of_libraries_take_the_same_way_out():
    out = io.StringIO()
    configure_logging(json=True, level="info", stream=out)

    logging.getLogger("some.dependency").warning("careful with %s", "that")
    logging.getLogger("httpx").info("HTTP Request: GET https://user:pw@host")

    [event] = logged(out)
    assert (event["event"], event["part"], event["level"]) == ("careful with that", "some.dependency", "warning")


def test_what_a_record_of_the_standard_library_has_besides_is_told_but_for_secrets():
    out = io.StringIO()
    configure_logging(json=True, level="info", stream=out)

    logging.getLogger("entryway.http").warning("connections_refused", extra={"limit": 5, "password": "s3cret"})

    [event] = logged(out)
    assert (event["limit"], event["password"]) == (5, "***")


def test_a_traceback_in_text_shows_no_local_variables():
    out = io.StringIO()
    configure_logging(json=False, level="info", stream=out)
    hidden = "s3cret"

    try:
        _ = 1 / (len(hidden) - 6)
    except ZeroDivisionError:
        get_logger("x").exception("broken")

    assert "ZeroDivisionError" in out.getvalue()
    assert "s3cret" not in out.getvalue()


def test_text_of_strangers_does_nothing_to_a_terminal():
    out = io.StringIO()
    configure_logging(json=False, level="info", stream=out)

    get_logger("x").warning("refused", reason="a\x1b[2Jb\x9bc\u202ed", named={"x": "\x1b"})
    logging.getLogger("some.dependency").warning("first\nsecond \x1b]0;title\x07")
    try:
        raise ValueError("\x1b[31m")  # noqa: TRY301
    except ValueError:
        get_logger("x").exception("broken")

    assert all(line.isprintable() for line in out.getvalue().split("\n"))
    assert "a\\x1b[2Jb" in out.getvalue()
    assert "\nsecond" not in out.getvalue()


def test_text_has_no_colours_when_it_is_not_for_a_terminal(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    out = io.StringIO()
    configure_logging(json=False, level="info", stream=out)

    get_logger("x").info("plain")

    assert "\x1b" not in out.getvalue()


def test_records_go_to_standard_error_as_it_is_when_they_are_written(monkeypatch: pytest.MonkeyPatch):
    first, second = io.StringIO(), io.StringIO()
    monkeypatch.setattr("sys.stderr", first)
    configure_logging(json=True)
    monkeypatch.setattr("sys.stderr", second)
    first.close()

    get_logger("x").info("happened")
    logging.getLogger("some.dependency").warning("careful")

    assert [event["event"] for event in logged(second)] == ["happened", "careful"]


def test_what_is_told_at_info_is_written_as_at_any_level():
    out = io.StringIO()
    configure_logging(json=True, level="info", stream=out)
    log, told = get_logger("x"), {"token": "s3cret", "user": "Zoë", "request": {"password": "s3cret"}, "jti": None}

    log.info("happened", **told)
    log.warning("happened", **told)

    quick, usual = logged(out)
    assert all(datetime.fromisoformat(str(event.pop("timestamp"))).tzinfo == UTC for event in (quick, usual))
    assert (quick.pop("level"), usual.pop("level")) == ("info", "warning")
    assert quick == usual == {**told, "token": "***", "request": {"password": "***"}, "part": "x", "event": "happened"}


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"user": 'Zoë "%s" %', "path": "a\\b\nc\x00", "jti": None, "count": 3},
        {"up": True, "seconds": 0.5},
        {"names": ["a", "b"], "why": ValueError("late")},
        {"50% off": "x"},
        {"token": "s3cret", "user": "anna"},
        {"timestamp": "then", "level": "odd"},
    ],
    ids=lambda told: " ".join(told) or "nothing",
)
def test_a_line_at_info_has_the_very_characters_of_other_levels(told):
    out = io.StringIO()
    configure_logging(json=True, level="info", stream=out)
    log = get_logger("x")

    for _ in range(2):  # the first one is learned from
        log.info("happened", **told)
        log.warning("happened", **told)

    lines = [re.sub(r'"timestamp": "[^"]*"|"level": "[^"]*"', "", line) for line in out.getvalue().splitlines()]
    assert len(set(lines)) == 1


def test_an_exception_is_told_at_info_too():
    out = io.StringIO()
    configure_logging(json=True, level="info", stream=out)

    get_logger("x").info("happened", exc_info=ValueError("too early"))

    assert "too early" in str(logged(out)[0]["exception"])
