"""Which home is it? House number or name and street, whatever the abbreviations and the order of flat and house.

Town, county and postcode are left out: they are written or not, and have columns of their own. Source of the parts and
their abbreviations: BS 7666 part 2 (street, and primary and secondary addressable object) and Royal Mail's guide to the
Postcode Address File. A key for comparing, not for posting; not in STANDARD, since neighbours share most of it.
"""

from __future__ import annotations

import polars as pl

from linkage.standardise.letters import latin

SHORT = {
    **{"RD": "ROAD", "AVE": "AVENUE", "AV": "AVENUE", "CL": "CLOSE", "DR": "DRIVE", "LN": "LANE", "CT": "COURT"},
    **{"CRES": "CRESCENT", "CR": "CRESCENT", "GDNS": "GARDENS", "GDN": "GARDENS", "GRN": "GREEN", "PL": "PLACE"},
    **{
        "SQ": "SQUARE",
        "TERR": "TERRACE",
        "TER": "TERRACE",
        "PK": "PARK",
        "GRV": "GROVE",
        "GR": "GROVE",
        "ST": "STREET",
    },
    **{"HSE": "HOUSE", "BLDGS": "BUILDINGS", "COTT": "COTTAGE", "COTTS": "COTTAGES", "WLK": "WALK", "PDE": "PARADE"},
}
"""Behind another word; at the head of a name ST is a saint."""
STREETS = (
    *("STREET", "ROAD", "AVENUE", "CLOSE", "DRIVE", "LANE", "COURT", "CRESCENT", "GARDENS", "GREEN", "PLACE", "WAY"),
    *("SQUARE", "TERRACE", "PARK", "GROVE", "HILL", "MEWS", "ROW", "RISE", "VIEW", "WALK", "YARD", "MOUNT", "BANK"),
    *("CROFT", "FIELDS", "GATE", "PARADE", "WHARF", "QUAY", "CIRCUS", "PASSAGE", "VALE", "END"),
)
FLAT = r"\b(?:FLAT|FLT|APARTMENT|APT|UNIT|ROOM) ?(?:NO )?([0-9]+[A-Z]?|[A-Z])\b"
NUMBER = r"\b([0-9]+[A-Z]?(?:-[0-9]+[A-Z]?)?)"
POSTCODE_BEHIND = r"\b[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2} *$"
NO_ADDRESS = ["NFA", "NO FIXED ABODE", "NO FIXED ADDRESS", "UNKNOWN", "NOT KNOWN", "NOT STATED", "HOMELESS", "NA", ""]


def address_keys(written: pl.Series) -> pl.Series:
    """`14 HIGH STREET FLAT 2`, or `ROSE COTTAGE MILL LANE`; what names no home is nothing."""
    distinct = written.alias("a").unique().drop_nulls().to_frame()
    text = pl.Series([latin(value) for value in distinct["a"]], dtype=pl.String).alias("t").to_frame()
    keys = text.with_columns(t=_plain()).select(_key()).to_series()
    return written.replace_strict(distinct["a"], keys, default=None, return_dtype=pl.String)


def _plain() -> pl.Expr:
    """Capitals, one blank between words, a comma between parts; words written out, no postcode."""
    text = pl.col("t").str.to_uppercase().str.replace_all(r"['.]", "").str.replace_all(r"[\n;]+", ",")
    text = text.str.replace_all(r"[^A-Z0-9,/-]+", " ").str.replace_all(r" ?- ?", "-")
    text = text.str.replace_all(r"[ ,]*,[ ,]*", ",").str.replace(POSTCODE_BEHIND, "")
    for short, full in SHORT.items():
        text = text.str.replace_all(rf"([A-Z] ){short}\b", f"${{1}}{full}")
    return text.str.strip_chars(" ,")


def _key() -> pl.Expr:
    """The flat behind house and street; a house without a number by its name."""
    flat, rest = pl.col("t").str.extract(FLAT), pl.col("t").str.replace(FLAT, "").str.strip_chars(" ,")
    kinds = "|".join(STREETS)
    street = rf"(?:[A-Z]+ )+?(?:{kinds})(?: (?:{kinds}))*\b"
    numbered = rest.str.extract(rf"{NUMBER},? ?({street})", 1) + " " + rest.str.extract(rf"{NUMBER},? ?({street})", 2)
    parts = rest.str.split(",")
    named = parts.list.head(pl.when(parts.list.first().str.contains("[0-9]")).then(1).otherwise(2)).list.join(" ")
    house = pl.coalesce(numbered, named)
    told = pl.when(~pl.col("t").is_in(NO_ADDRESS) & (house.str.len_bytes() > 0)).then(house)
    return told + pl.when(flat.is_not_null()).then(pl.lit(" FLAT ") + flat).otherwise(pl.lit(""))
