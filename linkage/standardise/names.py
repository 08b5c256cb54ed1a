"""Which name was meant? Case, accents, punctuation, titles, order and pet forms taken away.

Rules of this specification; `vectors.json` beside it holds examples that any other implementation can be run against.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

TITLES = frozenset(
    {"MR", "MRS", "MS", "MISS", "MX", "MASTER", "DR", "PROF", "PROFESSOR", "REV", "REVD", "REVEREND", "SIR", "LADY"}
    | {"LORD", "DAME", "FR", "SR", "SISTER", "CAPT", "CAPTAIN", "MAJ", "COL"}
)
"""Taken from the front of a name."""
NO_NAME = frozenset(
    {"UNKNOWN", "NOTKNOWN", "UNK", "NK", "NA", "NONE", "NULL", "NOTSTATED", "NOTGIVEN", "NONAME", "BABY", "INFANT"}
    | {"BABYOF", "BABYBOY", "BABYGIRL", "MALE", "FEMALE", "TEST", "TESTPATIENT", "PATIENT", "XX", "XXX", "XXXX"}
    | {"ANON", "ANONYMOUS"}
)
"""Written where nobody knew the name: they must not link two people."""
PET_FORMS = {
    short: full
    for full, shorts in {
        "ABIGAIL": "ABBIE ABBY ABI GAIL",
        "ALEXANDER": "ALEX ALEC ALECK SANDY ALEXANDRA ALEXA SANDRA",
        "ALFRED": "ALF ALFIE FRED FREDDIE",
        "ANDREW": "ANDY DREW",
        "ANN": "ANNE ANNIE ANNA ANA",
        "ANTHONY": "TONY ANTONY",
        "ARTHUR": "ART ARTIE",
        "BARBARA": "BARB BABS",
        "BENJAMIN": "BEN BENNY BENJI",
        "CATHERINE": "KATHERINE KATHARINE CATHARINE KATE KATIE CATH CATHY KATHY KATH KAT KATHRYN CATHRYN",
        "CHARLES": "CHARLIE CHAS CHUCK",
        "CHARLOTTE": "LOTTIE CHARLEY",
        "CHRISTINE": "CHRIS CHRISSIE CHRISTINA TINA CHRISTOPHER KIT",
        "CYNTHIA": "CINDY",
        "DANIEL": "DAN DANNY",
        "DAVID": "DAVE DAVEY DAVY",
        "DEBORAH": "DEB DEBBIE DEBRA",
        "DENNIS": "DEN DENIS",
        "DONALD": "DON DONNIE",
        "DOROTHY": "DOT DOTTIE DOLLY",
        "EDWARD": "ED EDDIE TED TEDDY NED",
        "ELEANOR": "ELLIE NELL ELLEN NELLIE ELEANORE",
        "ELIZABETH": "LIZ LIZZIE LIZZY BETH BETTY BETTE BESS ELIZA LISA ELISABETH LIBBY ELSIE",
        "EMILY": "EM EMMY",
        "FLORENCE": "FLO FLORRIE FLOSSIE",
        "FRANCES": "FRAN FRANCIS FRANK FRANKIE FRANNY",
        "FREDERICK": "FREDDY FREDRICK FREDERIC",
        "GEOFFREY": "GEOFF JEFF JEFFREY",
        "GEORGE": "GEORGIE",
        "GERALD": "GERRY JERRY",
        "GREGORY": "GREG GREGG",
        "HAROLD": "HARRY HAL",
        "HENRY": "HANK HENRIETTA ETTA",
        "ISABELLA": "ISABEL BELLA ISABELLE IZZY ISOBEL BELLE",
        "JACQUELINE": "JACKIE JACQUI",
        "JAMES": "JIM JIMMY JAMIE JAS",
        "JANE": "JANET JANIE JENNY JENNIFER JEN JENNIE",
        "JESSICA": "JESS JESSIE",
        "JOHN": "JACK JON JOHNNY JONNY JOHNNIE",
        "JONATHAN": "JONATHON JOHNATHAN",
        "JOSEPH": "JOE JOEY",
        "JOSEPHINE": "JOSIE JO",
        "JOSHUA": "JOSH",
        "JUDITH": "JUDY JUDE",
        "KENNETH": "KEN KENNY",
        "LAWRENCE": "LARRY LAURENCE LAURIE LAWRIE",
        "LEONARD": "LEN LENNY LEO",
        "LESLIE": "LES LESLEY",
        "LOUIS": "LEWIS LOU LOUISE",
        "MARGARET": "MAGGIE MEG PEGGY MARGE MARGIE MADGE PEG MARGUERITE",
        "MARTIN": "MARTYN MARTY",
        "MARY": "MOLLY POLLY MARIE MARIA MAY MAMIE",
        "MATTHEW": "MATT MATHEW MATTY",
        "MICHAEL": "MIKE MICK MICKEY MIKEY MICHEAL",
        "MOHAMMED": "MOHAMED MUHAMMAD MUHAMMED MOHAMMAD MOHAMAD MUHAMED MD MO",
        "NICHOLAS": "NICK NICKY NICOLAS NICO",
        "NICOLA": "NIKKI NICKI NICOLE",
        "OLIVER": "OLLIE OLLY OLIVIA LIV LIVVY",
        "PAMELA": "PAM PAMMY",
        "PATRICIA": "PAT PATSY TRISH TRICIA PATTI PATTY PATRICK PADDY RICK",
        "PETER": "PETE",
        "PHILIP": "PHIL PHILLIP PIP",
        "RAYMOND": "RAY",
        "REBECCA": "BECKY BECCA BEX REBEKAH",
        "RICHARD": "DICK RICKY RICHIE RICH RICKIE",
        "ROBERT": "BOB BOBBY ROB ROBBIE BERT ROBIN BOBBIE",
        "RONALD": "RON RONNIE",
        "ROSE": "ROSIE ROSEMARY",
        "SAMUEL": "SAM SAMMY SAMANTHA",
        "SARAH": "SARA SALLY SADIE",
        "STEPHEN": "STEVE STEVEN STEVIE STEPHANIE STEPH",
        "SUSAN": "SUE SUSIE SUZANNE SUZY SUZIE SUSANNAH",
        "TERENCE": "TERRY TERRENCE TERI TERESA THERESA TESS",
        "THOMAS": "TOM TOMMY",
        "TIMOTHY": "TIM TIMMY",
        "VICTORIA": "VICKY VICKI VIKKI TORI VICTOR VIC",
        "VINCENT": "VINCE VINNIE",
        "VIRGINIA": "GINNY GINGER",
        "WALTER": "WALT WALLY",
        "WILLIAM": "BILL BILLY WILL WILLIE WILLY LIAM WILLS",
        "ZACHARY": "ZAC ZACK ZACH",
    }.items()
    for short in shorts.split()
}
"""Pet forms and spellings in common use to one form of each family; sexes are told apart by the sex recorded."""
LETTER = re.compile(r"[^A-Z ]+")
JOINERS = re.compile(r"[-/,.&+]")
SOUNDEX = str.maketrans("BFPVCGJKQSXZDTLMNR", "111122222222334556")
SOUNDEX_LENGTH = 4


@dataclass(frozen=True)
class StandardName:
    """A name as it is compared: whole surname, first forename in its family's form, and the initial recorded."""

    surname: str | None
    forename: str | None
    initial: str | None
    sound: str | None  # American Soundex of the surname


def plain(text: str | None) -> str:
    """Upper case, without accents; apostrophes closed up, other signs as spaces."""
    if not text:
        return ""
    decomposed = unicodedata.normalize("NFKD", text.replace("ß", "ss").replace("Ø", "O").replace("ø", "o"))
    letters = "".join(c for c in decomposed if not unicodedata.combining(c)).upper()
    letters = JOINERS.sub(" ", letters.replace("'", "").replace("’", "").replace("`", ""))
    return " ".join(LETTER.sub("", letters).split())


def standard_name(surname: str | None, forenames: str | None, full_name: str | None) -> StandardName:
    """One name from its parts, or from the whole as people write it (`SMITH, Ann` or `Ann Smith`)."""
    if not (surname or forenames) and full_name:
        surname, forenames = split_full_name(full_name)
    family = "".join(_without_titles(plain(surname).split()))
    given = _without_titles(plain(forenames).split())
    if family in NO_NAME or len(family) < 2:
        family = ""
    if "".join(given) in NO_NAME or (given and given[0] in NO_NAME):
        given = []
    first = given[0] if given else ""
    return StandardName(
        surname=family or None,
        forename=PET_FORMS.get(first, first) if len(first) > 1 else None,
        initial=PET_FORMS.get(first, first)[:1] or None,
        sound=soundex(family) if family else None,
    )


def split_full_name(full_name: str) -> tuple[str, str]:
    """Surname and forenames: before and after a comma; else the last word is the surname."""
    if "," in full_name:
        surname, _, forenames = full_name.partition(",")
        return surname, forenames
    words = _without_titles(full_name.split())
    return (words[-1], " ".join(words[:-1])) if words else ("", "")


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


def _without_titles(words: list[str]) -> list[str]:
    while words and words[0].upper().strip(".") in TITLES:
        words = words[1:]
    return words
