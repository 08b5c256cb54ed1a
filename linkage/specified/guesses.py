"""What is a column? From its heading in the usual languages, checked against its values; else from the values alone."""

from __future__ import annotations

import re
from dataclasses import dataclass

from linkage.specified.looks import Look
from linkage.specified.vocabulary import Kind

TRUTH = re.compile(
    r"^(true |real |gold )?(cluster|ent|entity|pers|person|persona|personne|persoon|individual|individuum|identity|truth|label|match|matched|group"
    r"|duplicate|dup|q|wikidata)"
    r"( ?(id|no|nr|number|key|code|idx|label))*$|^(pid|eid|cid|ground truth|is match|true id|gold|gid|golden id|same as)$"
)
RECORD = re.compile(
    r"^(rec|record|row|unique|source|line|entry|obs|index|nr|no|lfd|id|uid|rid|key|guid|uuid|idx|seq|sequence)"
    r"( ?(id|no|nr|number|key|ref|reference|identifier|uid))*$|^$|^unnamed.*| (rec|record|row|entry) ?(id|no|nr|number)$"
)
HEADINGS: tuple[tuple[Kind, str], ...] = (
    ("email", r"mail"),
    ("phone", r"phone|^tel|mobile|telefon|telephone|^cell|handy|movil|portable|puhelin|celular|телефон|电话|電話|手机"),
    (
        "identifier",
        r"^ssn|soc(ial)? sec|nhs|^nin$|national (id|ins)|passport|personnummer|^cpr|^mrn|medical rec|tax (id|no)|fiscal"
        r"|insurance|versicherung|^dni$|pesel|bsn|^nif$|licen[cs]e|^chi$|hospital no|identity card|curp|aadhaar"
        r"|^(cpf|cns|rut|rfc|nino|snils|inn|снилс|инн|nric|hkid|egn|oib|jmbg|ahv|avs|nir|iin|amka|tckn|sin|tfn)$|personnr"
        r"|codice fiscale|burgerservice|fodselsnummer|henkilotunnus|rodne cislo|tc kimlik|身份证|паспорт",
    ),
    (
        "postcode",
        r"post ?(al ?)?(code|nummer|nr|leitzahl)|^zip|^plz$|code postal|codigo postal|^cap$|^cep$|postcode"
        r"|kod poczt|postinumero|^cp$|^pc$|^kod$|posta kodu|psc$|индекс|邮编|郵便番号",
    ),
    (
        "sex",
        r"^(sex|gender|geschlecht|sexe|sexo|sesso|kon|kjonn|kon|geslacht|plec|sukupuoli|пол|nem|sekse|pohlavi|cinsiyet|fyllo|φυλο|性别|性別|성별)$|^(sex|gender) | (sex|gender)$",
    ),
    (
        "date",
        r"birth ?da|date (of )?(birth|naissance)|^dob$|d o b|^born|geburtsdatum|geboren|naissance|nacimiento"
        r"|geboortedat|fodelse|fodsels|nascita|nascimento|urodzenia|data ur|syntymaaika|рождения|baptis|christen|taufe|bapteme|geb ?dat|^gebdat|dt nasc"
        r"|fecha nac|fec nac|dogum tar|narozeni|γεννησ|出生|生年月日|생년월일",
    ),
    (
        "place",
        r"city|town|suburb|^ort$|wohnort|geburtsort|ville|ciudad|stad|parish|place|village|municip|kommun|residen|lieu"
        r"|plaats|citta|comune|cidade|miasto|locality|district|birth ?plac|hometown|lugar|gemeinde|sokn|socken|commune"
        r"|localidad|kaupunki|город|paroisse|parroquia|plaats|miejscowosc|bairro|obec|sehir|πολη|城市",
    ),
    (
        "area",
        r"^(state|st|uf|county|region|province|country|land|bundesland|departement|provincia|lan|fylke|canton|kanton)$"
        r"|nationalit|wojewodztwo|estado|область",
    ),
    (
        "occupation",
        r"occupation|job|profession|beruf|metier|trade|yrke|ocupacion|beroep|professione|zawod|ammatti|employ",
    ),
    (
        "house_number",
        r"house ?(no|nr|num)|street ?(no|nr|num)|hausn|^house$|building (no|num)|civic|huisn|nr domu|husn|^(numero|num|dom|дом)$|^(street|house) number$|numero civico",
    ),
    (
        "street",
        r"addr|street|strasse|^str$|^rue|calle|^via$|straat|adres|^road|gata|gade|vei|ulica|indirizzo|endereco|katu|logradouro|улица|адрес|地址|住所|sokak",
    ),
    (
        "forename",
        r"fore ?name|first ?name|given|^f ?name|vorname|prenom|^nombres?$|voorna|fornavn|fornamn|^nome$|imie|^имя|etunimi"
        r"|keresztnev|christian|^first$|^fn$|rufname|middle|second ?name|utonev|forenames|primeiro|^g ?name$|roepn|имя|отчество|^patron|^mid(l|dle)?( ?(name|nm|initial|init|n))?$|^mname$|imiona|krestni"
        r"|ονομα$|^名$|^ad$|^isim$",
    ),
    (
        "surname",
        r"sur ?name|last ?name|family|^l ?name|nachname|familien|^nom$|nom de|apellido|achternaam|efternamn|etternavn"
        r"|efternavn|cognome|sobrenome|apelido|nazwisko|фамилия|sukunimi|vezetek|maiden|birth ?name|geburtsname|^last$|^ln$"
        r"|lastname|csaladnev|^s ?name$|naam achter|prijmeni|soyad|επωνυμο|фамилия|^姓$",
    ),
    (
        "full_name",
        r"^name|full ?name|person ?name|patient ?name|nombre completo|nom complet|^naam$|^namn$|^navn$| name$|^nimi$|^фио$|names$|^nome|^nombre|^nom |姓名|氏名|이름|imie i nazwisko|nazwisko i imie",
    ),
    (
        "number",
        r"^aged?\b|^(alter|leeftijd|edad|idade|wiek|eta|ikae?|alder|возраст|年龄|年齢|yas)$| age$|age at|years old",
    ),
    ("year", r"year|^yob$|jahr|annee|^ano|jaar|^ar$|^by$|^anno|rok|vuosi|yr$"),
    ("month", r"month|^mob$|monat|mois|^mes$|^bm$|mese|maand"),
    ("day", r"^day|^bd$|tag$|^jour|^dia$|giorno| day$"),
)


FEWEST_DIGITS = {"number": 0.8, "postcode": 0.5, "month": 0.6, "day": 0.6, "house_number": 0.6}
MOST_SHAPES = 12
WHOLE_NAME = re.compile(
    r"(?=.*\b(sur ?name|last ?name|family|nach ?name|nom|apellidos?|achternaam|efternamn|etternavn|efternavn|cognome"
    r"|sobrenome|apelido|nazwisko|фамилия|prijmeni|priezvisko|soyad|επωνυμο)\b)"
    r"(?=.*\b(fore ?names?|first ?name|given|vor|vornamen?|prenoms?|nombres?|nome|imie|имя|voornaam|voornamen|fornavn"
    r"|fornamn|jmeno|meno|ad|ονομα|first and)\b)|^name vorname$|^vorname name$"
)
"""A heading that names both: `nombre y apellidos`, `Nachname, Vorname`, `nom et prénom`."""
WORDS_OF_A_WHOLE = 1.5
OF_A_CODE = re.compile(r"\b(id|no|nr|num|number|nummer|numero|code|key|ref|reference|kennziffer|kennung)$")
MOST_YEARS = 100  # that are another in every row; more are a row's number
MOST_HOUSES = 50
FEWEST_ROWS = 10  # with a value, for a column to show what it is
NEARLY = "a record's number: never evidence, and no record_id, for rows share one or have none"
UNSAID = "codes of which the heading does not say what they are"


@dataclass(frozen=True)
class Guess:
    """A column's kind (or `record_id`, `truth`, `ignored`), and the evidence in words."""

    means: str
    evidence: str


def guess(look: Look, *, truth: frozenset[str] = frozenset()) -> Guess:
    """What the column seems to be."""
    if look.heading in truth:
        return Guess("truth", "named as the truth: never evidence")
    known = look.rows * (1 - look.missing)
    if known < FEWEST_ROWS:
        return Guess("ignored", f"fewer than {FEWEST_ROWS} rows have a value")
    if look.missing > 0.98:
        return Guess("ignored", f"{look.missing:.0%} of the rows have nothing")
    if look.distinct <= 1:
        return Guess("ignored", "the same in every row")
    code = look.letters < 0.5 or look.digits > 0.5
    if TRUTH.search(look.name) and not look.dates > 0.5 and (code or look.words_each < 1.5):
        return Guess("truth", "by its heading it says who is who: never evidence")
    if code and look.distinct_share > 0.999 and (RECORD.search(look.name) or re.search(r"\bid$", look.name)):
        return _naming(look, "another value in every row")
    if code and RECORD.search(look.name):
        if look.distinct_share < 0.98:
            return Guess("truth", "a record's or person's number: never evidence")
        return _naming(look, "another value in every row")
    return _by_heading(look) or (_numbered(look) or _by_values(look))


def _naming(look: Look, evidence: str) -> Guess:
    """What names the records, only where every row has a name and no two share it: nearly is not enough."""
    return Guess("record_id", evidence) if look.distinct == look.rows else Guess("ignored", NEARLY)


def _numbered(look: Look) -> Guess | None:
    """Names of records: another in every row, of one of a few shapes, as rec-17-org and rec-17-dup-0."""
    numbers = look.shapes <= MOST_SHAPES and look.digits > 0.99 and look.words_each >= 1.8
    if numbers and look.distinct_share > 0.999 and max(look.dates, look.phones, look.postcodes) < 0.5:
        return _naming(look, "another number of the same form in every row")
    return None


def _by_heading(look: Look) -> Guess | None:
    if WHOLE_NAME.search(look.name) and look.words_each >= WORDS_OF_A_WHOLE and _fits("full_name", look):
        return Guess("full_name", "by its heading, which says forename and surname")
    for kind, pattern in HEADINGS:
        if re.search(pattern, look.name) and (fitting := _fits(kind, look)):
            return Guess(fitting, "by its heading" + ("" if fitting == kind else " and its values"))
    return None


def _fits(kind: str, look: Look) -> str | None:
    """The kind when the values bear it out, or the nearest kind that they do."""
    if kind == "date":
        if look.dates >= 0.4:
            return "date"
        if look.years + look.dates >= 0.7:
            return "year" if look.years > 0.95 else "date"
        return None
    if kind == "year":
        return "year" if look.years >= 0.6 else None
    if kind in {"forename", "surname", "full_name", "occupation"}:
        if look.digits >= 0.5 or look.length > 80:
            return None
        return "full_name" if kind == "forename" and look.words_each > 2.6 else kind
    if kind == "place":
        return None if look.dates > 0.5 or look.numbers > 0.5 else ("street" if look.digits > 0.3 else "place")
    if kind in FEWEST_DIGITS:
        rows = kind == "house_number" and _every_row(look) and look.distinct > MOST_HOUSES
        return kind if look.digits >= FEWEST_DIGITS[kind] and not rows else None
    if kind == "sex":
        return "sex" if look.sexes > 0.8 else "category" if look.distinct <= 8 else None
    if kind in {"phone", "email"}:
        return kind if (look.phones if kind == "phone" else look.mails) > 0.5 else None
    if kind == "area":
        return "category" if look.distinct <= 60 else "place"
    if kind == "identifier":
        return kind if look.digits > 0.5 and look.distinct_share > 0.05 else None
    return kind


def _by_values(look: Look) -> Guess:
    if look.mails > 0.8:
        return Guess("email", "values have an @")
    if look.dates > 0.7:
        return Guess("date", f"{look.dates:.0%} of the values are dates")
    if look.recent > 0.9 and look.distinct >= 10 and not _numbers_rows(look):
        return Guess("year", f"{look.years:.0%} of the values are years")
    if look.postcodes > 0.7:
        return Guess("postcode", "values are shaped like postcodes")
    if look.sexes > 0.95 and look.distinct <= 6:
        return Guess("sex", f"{look.distinct} values, written as the sexes are")
    if look.length > 80 or look.words_each > 12:
        return Guess("ignored", "long text")
    if look.phones > 0.9 and look.distinct_share > 0.1 and look.dialled > 0.9:
        return Guess("phone", "values are shaped like telephone numbers")
    if look.distinct <= 40 and not (look.distinct >= 10 and look.digits > 0.9 and OF_A_CODE.search(look.name)):
        return Guess("category", f"{look.distinct} different values")
    if look.letters > 0.6 or look.digits < 0.4:
        return Guess("full_name" if 1.8 <= look.words_each <= 5 and look.distinct_share > 0.1 else "text", "words")
    if look.words_each >= 1.8:
        return Guess("street", "numbers and words")
    if look.distinct_share > 0.999:
        return _naming(look, "another code in every row")
    if look.words_each < 1.2:
        return Guess("ignored", f"{UNSAID}: they could say who is who")
    return Guess("text", "words and numbers")


def _every_row(look: Look) -> bool:
    """Plain numbers, another in every row."""
    return look.distinct_share > 0.999 and look.numbers > 0.99


def _numbers_rows(look: Look) -> bool:
    """Is what looks like years somebody's number? By its heading, or because it is another in each of many rows."""
    return bool(OF_A_CODE.search(look.name)) or (look.distinct > MOST_YEARS and look.distinct_share > 0.98)
