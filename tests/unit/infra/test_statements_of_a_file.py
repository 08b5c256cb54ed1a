"""Into which statements does `haven gate` take a file apart? Each is judged by itself, and nothing is judged twice."""

from __future__ import annotations

import pytest

from infra.cli.query import _statements


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("select 1;\nselect 2;\n", ["select 1", "select 2"]),
        ("select 1;\r\nselect\r\n 2;", ["select 1", "select\n 2"]),
        ("select 1;  \nselect 2; -- the second\nselect 3;\t\n", ["select 1", "select 2", "select 3"]),
        ("-- a list\nselect 1;\n\n-- the end\n/* of\nit */\n", ["-- a list\nselect 1"]),
        ("select 1; drop table t;\n", ["select 1; drop table t"]),
        ("select '-- ' || 1", ["select '-- ' || 1"]),
        ("-- one\rdrop table t;\n", ["-- one\rdrop table t"]),
        ("-- nothing\n;\n", []),
    ],
)
def test_a_file_is_taken_apart_where_a_semicolon_ends_a_line(text: str, statements: list[str]) -> None:
    """Spaces and a comment may follow it; two statements in one line stay one, which the gate refuses."""
    assert _statements(text) == statements
