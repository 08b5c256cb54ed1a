r"""How are NHS numbers written for the national service? One a line, then a comma; LF ends the line, never CRLF.

One number that fails modulus 11 fails the whole file, so all are checked before. The answer has the same form, less the
numbers of those who opted out. Source: Check for National Data Opt-outs service, file format.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

LINE = 12
"""Bytes of a line: ten digits, comma, line feed."""
END = b",\n"


def written(numbers: Iterable[str]) -> bytes:
    """The request's file."""
    return b"".join(number.encode("ascii") + END for number in numbers)


def read(content: bytes) -> list[str] | None:
    """The numbers of an answer's file in its order; None where a line is not of the form."""
    lines = [content[start : start + LINE] for start in range(0, len(content), LINE)]
    good = all(len(line) == LINE and line.endswith(END) and line[:10].isdigit() for line in lines)
    return [line[:10].decode("ascii") for line in lines] if good else None


def is_subset(answer: Collection[str], request: Collection[str]) -> bool:
    """Does the answer hold only what was asked, each once?"""
    return len(set(answer)) == len(answer) and set(answer) <= set(request)
