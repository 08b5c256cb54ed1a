"""Does this text name one person? NHS numbers by their check digit, pseudonyms by their form, addresses.

A machine finds what is written as such: in other digits, with other dashes, with invisible characters between; not
what is disguised. The NHS number's rule is that of environments/disclosure (NHS data dictionary, modulus 11).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator
from decimal import Decimal

from environments.disclosure.tables import ONE_PERSON, is_nhs_number
from environments.inspection.model import FindingCode
from environments.inspection.notes import Notes

# None begins with a look behind: the engine leaps to the first character that can begin a match, ten times faster
TEN_DIGITS = re.compile(r"\d{3}[ ._/-]?\d{3}[ ._/-]?\d{4}(?!\d)")
POWER_OF_TEN = re.compile(r"\d\.\d{1,9}[eE]\+?0{0,2}9(?!\d)")
MIDDLE_OF_A_NUMBER = re.compile(r"-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-")
UNDASHED = re.compile(r"[0-9a-fA-F]{32}(?![0-9a-fA-F])")
MAIL = re.compile(r"@[\w-]{1,63}\.\w")
POSTCODE = re.compile(r"[A-Z]{1,2}\d[A-Z\d]? ?\d[ABD-HJLNP-UW-Z]{2}\b")
BEFORE_THE_MIDDLE = 8
NOBODYS = {"0123456789", "0000000000"}  # right by their check digit, and written for other reasons
HEX = frozenset("0123456789abcdefABCDEF")
INVISIBLE = (
    {0xAD, 0x34F, 0x61C, 0x180E, 0xFEFF} | set(range(0x200B, 0x2010)) | set(range(0x202A, 0x202F))
    | set(range(0x2060, 0x2070)) | set(range(0xE0000, 0xE01F0))
)  # fmt: skip
PLAIN = dict.fromkeys(INVISIBLE) | dict.fromkeys((*range(0x2010, 0x2016), 0x2212, 0xFE58, 0xFE63, 0xFF0D), "-")
Place = Callable[[int], str | None]


def identifiers(text: str) -> Iterator[tuple[FindingCode, int]]:
    """What each is, and at which character of the plain form of the text (the same lines) it begins."""
    plain = plain_form(text)
    for found in TEN_DIGITS.finditer(plain):
        number = found.group()
        if is_nhs_number(number) and number not in NOBODYS and not _before(plain, found.start()).isdigit():
            yield FindingCode.NHS_NUMBER, found.start()
    for found in POWER_OF_TEN.finditer(plain):
        number = f"{Decimal(found.group()):f}".partition(".")[0]
        if is_nhs_number(number) and not _before(plain, found.start()).isdigit():
            yield FindingCode.NHS_NUMBER, found.start()
    yield from ((FindingCode.PSEUDONYM, start) for start in _numbers_of_128_bits(plain))
    for found in MAIL.finditer(plain) if "@" in plain else ():
        if re.match(r"[\w+-]", _before(plain, found.start())):
            yield FindingCode.EMAIL, found.start()
    for found in POSTCODE.finditer(plain):
        if not re.match(r"\w", _before(plain, found.start())):
            yield FindingCode.POSTCODE, found.start()


def _numbers_of_128_bits(plain: str) -> Iterator[int]:
    for found in MIDDLE_OF_A_NUMBER.finditer(plain):
        start = found.start() - BEFORE_THE_MIDDLE
        if start >= 0 and ONE_PERSON.match(plain, start):
            yield start
    for found in UNDASHED.finditer(plain):
        if _before(plain, found.start()) not in HEX:
            yield found.start()


def _before(text: str, place: int) -> str:
    return text[place - 1] if place else ""


def note_identifiers(notes: Notes, text: str, place: Place, but: Collection[FindingCode] = ()) -> None:
    """Note every identifier of a text at its place: place says it for a character's number."""
    for code, at in identifiers(text):
        if code in but:
            continue
        notes.add(code, None if notes.is_full(code) else place(at))


def note_raw(notes: Notes, data: bytes, where: str) -> None:
    """The same in bytes that are no text: only what is long enough not to come about by chance."""
    for code, _ in identifiers(data.decode("latin-1")):
        if code in (FindingCode.NHS_NUMBER, FindingCode.PSEUDONYM):
            notes.add(code, where)


def note_invisible(notes: Notes, text: str, place: Place) -> None:
    """Note characters that no reader sees, or that change the order of what is read (a mark at the start is none)."""
    if text.isascii():
        return
    for at, one in enumerate(text):
        if ord(one) in INVISIBLE and not notes.is_full(FindingCode.HIDDEN_TEXT):
            notes.add(FindingCode.HIDDEN_TEXT, place(at), what="It holds characters that a reader does not see.")


def plain_form(text: str) -> str:
    """Digits, letters and dashes in their usual form, without invisible characters; lines stay lines."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text.translate(PLAIN)).translate(PLAIN)


def line_of(text: str, first: int = 1) -> Place:
    """The line of a character, counted from `first`."""
    plain = plain_form(text)
    return lambda at: f"line {plain.count(chr(10), 0, at) + first}"


def at(where: str | None) -> Place:
    """The same place for every character."""
    return lambda _: where
