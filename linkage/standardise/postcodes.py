"""Which postcode is it? Its published shape, letters and digits taken for each other mended, fillers nothing.

Sources: the grammar of UK postcodes in BS 7666 and Royal Mail's guide to the Postcode Address File (six shapes, GIR
0AA, no C, I, K, M, O or V in the last two places), and its postcode areas; NHS Data Dictionary (pseudo postcodes
ZZ99 ...). Any other shape, and any area that is none (XX99 9XX, AA11 1AA, NFA), is nothing.
"""

from __future__ import annotations

import polars as pl

PEOPLE_LIVE_IN = (
    "AB AL B BA BB BD BF BH BL BN BR BS BT CA CB CF CH CM CO CR CT CV CW DA DD DE DG DH DL DN DT DY E EC EH EN EX FK FY"
    " G GL GU GY HA HD HG HP HR HS HU HX IG IM IP IV JE KA KT KW KY L LA LD LE LL LN LS LU M ME MK ML N NE NG NN NP NR"
    " NW OL OX PA PE PH PL PO PR RG RH RM S SA SE SG SK SL SM SN SO SP SR SS ST SW SY TA TD TF TN TQ TR TS TW UB W WA"
    " WC WD WF WN WR WS WV YO ZE"
)
"""Every postcode area where people live, with the Crown dependencies (GY, IM, JE) and the forces' (BF)."""
AREA = "|".join(sorted(PEOPLE_LIVE_IN.split(), key=lambda area: (-len(area), area)))
DISTRICT = "[0-9]|[1-9][0-9]|[1-9][ABCDEFGHJKMNPRSTUVWXY]"
INWARD = "[0-9][ABD-HJLNP-UW-Z]{2}"
POSTCODE = rf"^(?:GIR0AA|BFPO[1-9][0-9]{{0,3}}|(?:{AREA})(?:{DISTRICT}){INWARD})$"
OUTWARD_MISREAD = rf"^({AREA.replace('O', '[O0]').replace('I', '[I1]')})([0-9OI]{{1,2}}|[1-9I][A-Z])$"
SHORTEST, INWARD_LENGTH = 5, 3


def postcodes(written: pl.Series) -> pl.Series:
    """Capitals without spaces; what is no postcode is nothing."""
    distinct = written.alias("w").unique().drop_nulls().to_frame()
    text = pl.col("w").str.to_uppercase().str.replace_all(r"[^A-Z0-9]+", "").str.replace("^BFPOCO", "BFPO")
    read = distinct.with_columns(t=text)
    good = pl.col("t").str.contains(POSTCODE)
    if not read.select(good.all()).item():
        read = read.with_columns(t=pl.when(good).then(pl.col("t")).otherwise(_mended(pl.col("t"))))
    read = read.select("w", t=pl.when(good).then(pl.col("t")))
    return written.replace_strict(read["w"], read["t"], default=None, return_dtype=pl.String)


def _mended(text: pl.Expr) -> pl.Expr:
    """O for 0 and I for 1, or the other way, as the place asks for a letter or a digit."""
    size = text.str.len_bytes().cast(pl.Int64) - INWARD_LENGTH
    outward, inward = text.str.slice(0, size), text.str.slice(size)
    area = outward.str.extract(OUTWARD_MISREAD, 1).str.replace_all("0", "O").str.replace_all("1", "I")
    district = outward.str.extract(OUTWARD_MISREAD, 2)
    mended = area + _digit(district.str.slice(0, 1)) + _digit(district.str.slice(1))
    mended += _digit(inward.str.slice(0, 1)) + inward.str.slice(1)
    return pl.when(text.str.len_bytes() >= SHORTEST).then(mended)


def _digit(sign: pl.Expr) -> pl.Expr:
    """O and I are never the letter that ends a district, so they are digits there, too."""
    return sign.replace({"O": "0", "I": "1"})
