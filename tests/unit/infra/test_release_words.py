"""What a checker reads of a file at the terminal: words, and nothing that steers the terminal."""

from __future__ import annotations

from typing import Any

from infra.cli.release_words import reviewed_said

SHOWN: dict[str, Any] = {"name": "notes.txt", "context": {"counts": ["t.csv"]}, "problems": [], "inspection": None,
                         "written_anew": False, "look_at": ["Read it."], "text": "One\r\ntwo\n"}  # fmt: skip


def test_a_text_is_shown_as_it_is() -> None:
    """With its context, its check and what to look at."""
    said = reviewed_said(SHOWN)
    assert said.endswith("One\ntwo\n")
    assert "counts: t.csv" in said and "look: Read it." in said and "the check: nothing found" in said


def test_what_steers_a_terminal_is_not_let_through() -> None:
    """Neither sequences that paint over what was said, nor marks that turn the direction of what follows."""
    said = reviewed_said({**SHOWN, "text": "a\x1b[2Jb\x9b1mc\rd\u202ee"})
    assert not {"\x1b", "\x9b", "\r", "\u202e"} & set(said)
    assert said.endswith("a\ufffd[2Jb\ufffd1mc\ufffdd\ufffde")


def test_a_picture_is_not_printed() -> None:
    """How it is opened is said instead, and what is gone from it."""
    gone = {"mended": [{"what": "The picture says where it was taken."}]}
    said = reviewed_said({**SHOWN, "name": "a.png", "text": None, "written_anew": True, "inspection": gone})
    assert "--file a.png --out FOLDER" in said
    assert "was in it and is gone: The picture says where it was taken." in said
