"""Which name was meant? Case, accents, punctuation, titles, order and pet forms taken away.

Rules of this specification; `vectors.json` beside it holds examples that any other implementation can be run against.
Worked out on whole columns, once for each distinct surname and each distinct forename.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from linkage.standardise.letters import latin
from linkage.standardise.pet_forms import BY_SEX, PET_FORMS, SURNAMES

TITLES = frozenset(
    {"MR", "MRS", "MS", "MISS", "MX", "MASTER", "MSTR", "DR", "PROF", "PROFESSOR", "REV", "REVD", "REVEREND", "SIR"}
    | {"LADY", "LORD", "DAME", "FR", "SR", "SISTER", "CAPT", "CAPTAIN", "MAJ", "COL", "CLLR", "SGT", "MADAM"}
)
"""Taken from the front of a name."""
TITLES_OF_SURNAMES = frozenset(
    {"MR", "MRS", "MS", "MISS", "MX", "MSTR", "DR", "PROF", "PROFESSOR", "REV", "REVD", "REVEREND", "SIR", "DAME"}
)
"""In a surname's column: Lord, Master or Sister is a surname, too."""
AFTER_NAMES = frozenset(
    {"JR", "JNR", "JUNIOR", "SR", "SNR", "SENIOR", "II", "III", "IV", "ESQ", "ESQUIRE", "MBE", "OBE", "CBE", "PHD"}
    | {"MR", "MRS", "MS", "MISS", "DR", "FRCS", "MRCP", "MRCGP", "MBBS", "BSC", "MSC", "JP", "RN", "DECEASED", "DECD"}
)
"""Taken from the end of a surname or a whole name: generation, honours, and titles written behind."""
FORMER_NAME = ("NEE", "FORMERLY", "PREVIOUSLY", "AKA", "ALIAS")
"""What follows one of these is another name."""
PARTICLES = (
    *("VAN", "VON", "DER", "DEN", "DE", "DI", "DA", "DOS", "DU", "DEL", "DELLA", "LA", "LE", "TEN", "TER"),
    *("BIN", "IBN", "BINT", "ABU", "AL", "EL", "UL", "MAC", "MC", "SAINT", "ST", "FITZ"),
)
"""Belong to the surname that follows them, in a name written as a whole."""
NO_NAME = frozenset(
    {"UNKNOWN", "NOTKNOWN", "UNK", "NK", "NA", "NONE", "NULL", "NOTSTATED", "NOTGIVEN", "NONAME", "BABY", "INFANT"}
    | {"BABYOF", "BABYBOY", "BABYGIRL", "MALE", "FEMALE", "TEST", "TESTPATIENT", "PATIENT", "XX", "XXX", "XXXX"}
    | {"ANON", "ANONYMOUS", "NEWBORN", "TWIN", "TWINONE", "TWINTWO", "TWINA", "TWINB", "TRIPLET", "NOTAVAILABLE"}
    | {"NOTRECORDED", "NOFORENAME", "NOSURNAME", "FORENAME", "SURNAME", "DONOTUSE", "DUPLICATE", "DUMMY", "ZZTEST"}
    | {"ZZZ", "ZZZZ", "MISSING", "REFUSED", "WITHHELD", "TBC", "NFN", "NMN", "NAMEUNKNOWN"}
)
"""Written where nobody knew the name: they must not link two people."""
SOUNDEX = str.maketrans("BFPVCGJKQSXZDTLMNR", "111122222222334556")
SOUNDEX_LENGTH = 4
ALIKE_IN_SOUND = (("[BFPV]+", "1"), ("[CGJKQSXZ]+", "2"), ("[DT]+", "3"), ("L+", "4"), ("[MN]+", "5"), ("R+", "6"))
ONE_LETTER = 1
Work = Callable[[pl.DataFrame], pl.DataFrame]


def standard_names(people: pl.DataFrame) -> dict[str, pl.Series]:
    """surname, forename, initial and sound, from surname, forenames, full_name and the standard sex of each row.

    surname: whole, closed up; forename: the first, in its family's form; sound: American Soundex of the surname.
    """
    written = _parts(people)
    surnames = _looked_up(written["surname"], _surnames)
    forenames = _looked_up(written["forenames"], _forenames)
    forename = forenames.hstack([people["sex"]]).select(
        pl.when(pl.col("sex") == "M").then("man").when(pl.col("sex") == "F").then("woman").otherwise("either")
    )
    first = forename.to_series()
    return {
        "surname": surnames["surname"],
        "forename": first.set(first.str.len_bytes() <= ONE_LETTER, None),
        "initial": first.str.slice(0, 1),
        "sound": surnames["sound"],
    }


def soundex(name: str) -> str:
    """American Soundex (U.S. National Archives, 2007): letters alike in sound to one code of four signs."""
    code, last = name[:1], name[:1].translate(SOUNDEX)
    for letter in name[1:]:
        digit = letter.translate(SOUNDEX)
        if digit.isdigit() and digit != last:
            code += digit
        if letter not in "HW":
            last = digit
    return code[:SOUNDEX_LENGTH].ljust(SOUNDEX_LENGTH, "0")


def sounds(name: pl.Expr) -> pl.Expr:
    """`soundex` of a column of capitals."""
    code = name.str.slice(0, 1) + name.str.slice(1).str.replace_all("[HW]+", "")
    for letters, digit in ALIKE_IN_SOUND:
        code = code.str.replace_all(letters, digit)
    digits = code.str.slice(1).str.replace_all("[A-Z]+", "")
    return (name.str.slice(0, 1) + digits).str.slice(0, SOUNDEX_LENGTH).str.pad_end(SOUNDEX_LENGTH, "0")


def _parts(people: pl.DataFrame) -> pl.DataFrame:
    """surname and forenames as written; from the whole name, as people write it, where both are empty."""
    nothing = (pl.col("surname").fill_null("") == "") & (pl.col("forenames").fill_null("") == "")
    whole = people.select(pl.when(nothing).then(pl.col("full_name")).replace("", None)).to_series()
    if whole.null_count() == len(whole):
        return people.select("surname", "forenames")
    split = _looked_up(whole, _split)
    return people.select("surname", "forenames").with_columns(
        surname=pl.when(whole.is_not_null()).then(split["surname"]).otherwise(pl.col("surname")),
        forenames=pl.when(whole.is_not_null()).then(split["forenames"]).otherwise(pl.col("forenames")),
    )


def _looked_up(values: pl.Series, work: Work) -> pl.DataFrame:
    """What `work` makes of each distinct value, row by row in the values' order."""
    distinct = values.alias("value").drop_nulls().unique().to_frame()
    known = work(distinct)
    return values.alias("value").to_frame().join(known, on="value", how="left", maintain_order="left").drop("value")


def _split(whole: pl.DataFrame) -> pl.DataFrame:
    """value to surname and forenames: before and after a comma; else the last word is the surname, with its particles.

    `SMITH, Ann` or `Ann van der Berg`.
    """
    halves = pl.col("value").str.splitn(",", 2)
    words = _without_ends(_words(whole), TITLES)
    particles = "|".join(PARTICLES)
    apart = whole.with_columns(w=words).select(
        "value",
        "w",
        last=pl.coalesce(
            pl.col("w").str.extract(rf"^[A-Z]+ (?:.*? )??((?:(?:{particles}) )*[A-Z]+)$"),
            pl.col("w").str.extract(r"^([A-Z]+)$"),
        ),
    )
    split = apart.with_columns(rest=pl.col("w").str.strip_suffix(pl.col("last")))
    comma = pl.col("value").str.contains(",", literal=True)
    return split.select(
        "value",
        surname=pl.when(comma).then(halves.struct.field("field_0")).otherwise(pl.col("last")),
        forenames=pl.when(comma).then(halves.struct.field("field_1")).otherwise(pl.col("rest")),
    )


def _surnames(written: pl.DataFrame) -> pl.DataFrame:
    """value to surname and sound."""
    words = _words(written).alias("w").to_frame()
    words = words.select(pl.col("w").str.replace(rf"^(.+?) (?:{'|'.join(FORMER_NAME)}) .+$", "$1"))
    bare = _without_ends(words["w"], TITLES_OF_SURNAMES).alias("w").to_frame()
    closed = bare.select(
        pl.col("w").str.replace("^SAINT ", "ST ").str.replace("^EL ", "AL ").str.replace_all(" ", "", literal=True)
    )
    known = closed.select(
        pl.when(
            ~pl.col("w").is_in(sorted(NO_NAME | TITLES_OF_SURNAMES)) & (pl.col("w").str.len_bytes() > ONE_LETTER)
        ).then("w")
    )
    form = pl.col("w").str.replace("^MAC([A-Z]{3})", "MC$1").str.replace("([A-Z]{3}[SC])KA$", "${1}KI")
    found = known.select(surname=form.replace(SURNAMES))
    return written.hstack(found.with_columns(sound=sounds(pl.col("surname"))))


def _forenames(written: pl.DataFrame) -> pl.DataFrame:
    """value to the first forename as it is meant of a man, of a woman, and of somebody whose sex is not known."""
    words = _words(written)
    bare = _without_ends(words, TITLES, whole=True).alias("w").to_frame()
    first = pl.col("w").str.extract(r"^([A-Z]+)")
    closed = pl.col("w").str.replace_all(" ", "", literal=True)
    known = bare.select(w=pl.when(~first.is_in(sorted(NO_NAME)) & ~closed.is_in(sorted(NO_NAME))).then(first))
    family = pl.col("w").replace(PET_FORMS)
    return written.hstack(
        known.select(
            man=family.replace({short: man for short, (man, _) in BY_SEX.items()}),
            woman=family.replace({short: woman for short, (_, woman) in BY_SEX.items()}),
            either=family,
        )
    )


def _words(written: pl.DataFrame) -> pl.Series:
    """Capitals without accents, words apart by one blank; apostrophes closed up, brackets and what is in them left out.

    Where all is in brackets, it counts.
    """
    text = _in_latin(written["value"]).str.to_uppercase().alias("t").to_frame()
    outside = pl.col("t").str.replace_all(r"\([^)]*\)?|\[[^\]]*\]?", " ")
    if text["t"].str.contains(r"[(\[]").any():
        text = text.with_columns(t=pl.when(outside.str.contains("[A-Z]")).then(outside).otherwise(pl.col("t")))
    return text.select(
        pl.col("t").str.replace_all(r"['0-9]", "").str.replace_all("[^A-Z]+", " ").str.strip_chars(" ")
    ).to_series()


def _in_latin(values: pl.Series) -> pl.Series:
    """Values of other letters one by one, which is where Python knows them; plain ones are left alone."""
    plain = values.str.contains(r"^[\x00-\x5F\x61-\x7F]*$")
    if plain.all():
        return values
    foreign = values.filter(~plain)
    table = dict(zip(foreign, (latin(text).replace("`", "'") for text in foreign), strict=True))
    return values.replace(table)


def _without_ends(words: pl.Series, titles: frozenset[str], *, whole: bool = False) -> pl.Series:
    """Without titles in front, and what is written after names; one word is left, unless `whole`."""
    front, behind = "|".join(sorted(titles)), "|".join(sorted(AFTER_NAMES))
    bare = words.str.replace(rf"^(?:(?:{front}) )+", "").str.replace(rf"(?: (?:{behind}))+$", "")
    return bare.replace(list(titles), [""] * len(titles)) if whole else bare
