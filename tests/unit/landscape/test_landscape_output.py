from __future__ import annotations

import io

from entryway.landscape.output import Output


def test_lines_are_aligned_and_named():
    stream = io.StringIO()
    output = Output(stream, {})
    output.announce("products-backend")

    output.line("srv", "hello")
    output.line("products-backend", "there")
    output.say("one\ntwo")

    assert stream.getvalue().splitlines() == [
        "srv              | hello",
        "products-backend | there",
        "entryway         | one",
        "entryway         | two",
    ]


def test_a_process_cannot_paint_where_nobody_wants_colours():
    stream = io.StringIO()

    Output(stream, {}).line("srv", "\x1b[31mred\x1b[0m")

    assert stream.getvalue() == "srv      | red\n"


def test_colours_are_for_terminals_and_for_those_who_ask():
    stream = io.StringIO()
    output = Output(stream, {"FORCE_COLOR": "1"})
    output.line("one", "x")
    output.line("two", "y")

    one, two = stream.getvalue().splitlines()
    assert one.startswith("\x1b[36m")
    assert two.startswith("\x1b[32m")
    assert not Output(io.StringIO(), {"FORCE_COLOR": "1", "NO_COLOR": "1"}).colours


def test_what_goes_wrong_is_red():
    stream = io.StringIO()

    Output(stream, {"FORCE_COLOR": "1"}).alarm("srv exited with 1")

    assert "\x1b[31msrv exited with 1\x1b[0m" in stream.getvalue()
