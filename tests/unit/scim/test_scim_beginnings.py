import sqlite3

import pytest
from sqlalchemy import column
from sqlalchemy.dialects import sqlite

from entryway.scim.conditions import begins_with

TEXTS = [
    "",
    "a",
    "ab",
    "aB",
    "b",
    "a%",
    "a_b",
    "az",
    "a\ud7ff",
    "a\ud7ffb",
    "a\ue000",
    "a\U0010ffff",
    "\U0010ffff",
    "ä",
]


@pytest.mark.parametrize("beginning", [*TEXTS, "\U0010ffff\U0010ffff", "\ud7ff"])
def test_a_range_of_texts_is_all_that_begin_alike(beginning: str) -> None:
    written = begins_with(column("name"), beginning).compile(
        dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}
    )
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE TABLE names (name TEXT)")
        database.executemany("INSERT INTO names VALUES (?)", [(each,) for each in TEXTS])
        found = database.execute(f"SELECT name FROM names WHERE {written}").fetchall()
    assert {name for (name,) in found} == {each for each in TEXTS if each.startswith(beginning)}
