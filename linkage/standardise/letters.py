"""Which Latin letters are these? Letters that Unicode does not take apart, and Cyrillic, Greek and Arabic script.

A table of our own and no library: the letters are part of what is hashed, so a library's new edition would be another
specification without saying so; and what copies these rules elsewhere needs nothing but this file. A name in a script
that is not here is nothing: it is never guessed. Sources: ICAO Doc 9303 part 3 (Cyrillic; Latin letters, but Å, Ä, Ö
and Ü lose their signs as all accents do: both spellings of a name are then found by its sound), ELOT 743 (Greek);
of Arabic script, which leaves short vowels out, what is written (pet_forms.py knows the commonest names so written).
"""

from __future__ import annotations

import re
import unicodedata

LATIN = {
    **{"ß": "ss", "ẞ": "SS", "ø": "o", "Ø": "O", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ł": "l", "Ł": "L"},
    **{"đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "TH", "ı": "i", "İ": "I", "ħ": "h", "Ħ": "H"},
    **{"ŋ": "n", "Ŋ": "N", "ŧ": "t", "Ŧ": "T", "ə": "a", "Ə": "A", "ĸ": "k", "ɓ": "b", "Ɓ": "B", "ɗ": "d", "Ɗ": "D"},
    **{"ƙ": "k", "Ƙ": "K", "ƴ": "y", "Ƴ": "Y", "ơ": "o", "Ơ": "O", "ư": "u", "Ư": "U"},
}
APOSTROPHES = dict.fromkeys("’‘‛ʼʻʹʾʿ´`′ˈ＇", "'")
HYPHENS = dict.fromkeys("‐‑‒–—―−", "-")
GREEK_TOGETHER = tuple(
    (re.compile(letters), latin)
    for letters, latin in (
        ("ου", "OU"),
        ("αυ(?=[θκξπσςτφχψ]|$)", "AF"),
        ("αυ", "AV"),
        ("ευ(?=[θκξπσςτφχψ]|$)", "EF"),
        ("ευ", "EV"),
        ("γγ", "NG"),
        ("γξ", "NX"),
        ("γχ", "NCH"),
        (r"\bμπ", "B"),
    )
)


def _table(letters: str, latin: str) -> dict[str, str]:
    """Each letter to what stands at its place; a dot for nothing."""
    return {letter: text.strip(".") for letter, text in zip(letters, latin.split(), strict=True)}


CYRILLIC = _table(
    "абвгґдеёжзиійклмнопрстуфхцчшщъыьэюяєїѓќљњџћђјѕ",
    "A B V G G D E E ZH Z I I I K L M N O P R S T U F KH TS CH SH SHCH IE Y . E IU IA IE I G K LJ NJ DZ C DJ J DZ",
)
GREEK = _table("αβγδεζηθικλμνξοπρσςτυφχψω", "A V G D E Z I TH I K L M N X O P R S S T Y F CH PS O")
ARABIC = _table(
    "ابتثجحخدذرزسشصضطظعغفقكلمنهويىةءپچژگکیٹڈڑںےہھـ",
    "A B T TH J H KH D DH R Z S SH S D T Z A GH F Q K L M N H W Y A A . P CH ZH G K Y T D R N E H H .",
)
CAPITALS = {letter.upper(): text for letter, text in CYRILLIC.items()}
ONE_BY_ONE = str.maketrans(CYRILLIC | GREEK | ARABIC | CAPITALS)
SIGNS = str.maketrans({**LATIN, **APOSTROPHES, **HYPHENS})
WHOLE_LETTERS = str.maketrans("йЙёЁїЇ", "иИеЕіІ", "\u200c\u200d")  # with signs that are no accents


def latin(text: str) -> str:
    """Latin letters without accents, in the case given or as capitals; signs of other kinds stay as they are."""
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFKD", text.translate(SIGNS).translate(WHOLE_LETTERS))
    plain = "".join(sign for sign in decomposed if not unicodedata.combining(sign)).translate(SIGNS)
    if not plain.isascii():
        plain = _greek(plain).translate(ONE_BY_ONE)
    return plain


def _greek(text: str) -> str:
    """Small letters, and the letters that are read together."""
    if not any("\u0370" <= sign <= "\u03ff" for sign in text):
        return text
    text = text.lower()
    for together, letters in GREEK_TOGETHER:
        text = together.sub(letters, text)
    return text
