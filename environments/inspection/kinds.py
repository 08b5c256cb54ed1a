"""Which inspector is a file for? By its name; and its first bytes must agree. Types that may not leave say what may.

Policy on models: a fitted model carries its training rows (support vectors, trees down to one person, the data frame
within an R model), and nobody can look into its weights. What may leave is a plain table of coefficients.
"""

from __future__ import annotations

import re

from environments.inspection.errors import CannotBeRead
from environments.inspection.model import FileType, FindingCode
from environments.inspection.sentences import SENTENCES

ENDINGS: dict[str, FileType] = {
    "csv": FileType.CSV, "parquet": FileType.PARQUET, "xlsx": FileType.WORKBOOK, "png": FileType.PNG,
    "jpg": FileType.JPEG, "jpeg": FileType.JPEG, "pdf": FileType.PDF, "md": FileType.MARKDOWN, "txt": FileType.TEXT,
    "json": FileType.JSON, "ipynb": FileType.NOTEBOOK, "docx": FileType.DOCUMENT, "py": FileType.PYTHON,
    "r": FileType.R, "sql": FileType.SQL,
}  # fmt: skip
FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}\.[A-Za-z0-9]{1,10}")
SIGNATURES: dict[FileType, bytes] = {
    FileType.PARQUET: b"PAR1", FileType.WORKBOOK: b"PK\x03\x04", FileType.DOCUMENT: b"PK\x03\x04",
    FileType.PNG: b"\x89PNG\r\n\x1a\n", FileType.JPEG: b"\xff\xd8\xff", FileType.PDF: b"%PDF-",
}  # fmt: skip
OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a workbook, a document or another archive"), (b"PK\x05\x06", "an archive"),
    (b"\xd0\xcf\x11\xe0", "an old file of Office, or an encrypted one"), (b"PAR1", "Parquet"),
    (b"\x1f\x8b", "a compressed file"), (b"7z\xbc\xaf", "an archive"), (b"Rar!", "an archive"),
    (b"BZh", "a compressed file"),
    (b"\xfd7zXZ", "a compressed file"), (b"\x28\xb5\x2f\xfd", "a compressed file"), (b"%PDF-", "a PDF"),
    (b"\x89PNG", "a picture"), (b"\xff\xd8\xff", "a picture"), (b"GIF8", "a picture"), (b"\xff\xfe", "text in UTF-16"),
    (b"\xfe\xff", "text in UTF-16"), (b"\x7fELF", "a program"), (b"MZ", "a program"), (b"{\\rtf", "RTF"),
    (b"SQLite format 3", "a database"), (b"\x80\x04\x95", "a pickle"), (b"\x80\x05\x95", "a pickle"),
    (b"\x93NUMPY", "an array of NumPy"), (b"\x89HDF", "HDF5"), (b"RDX", "data of R"),
)  # fmt: skip
MODEL = (
    "A fitted model is not released: it can carry the rows that it was fitted on, and nobody can look into it.",
    "Write its coefficients as a CSV: one term a row, with the estimate, its standard error and the number of people"
    " behind each term (columns term, estimate, std_error, people).",
)
PICTURE_WITH_DATA = (
    "A page or drawing of this kind carries the values that it was drawn from.",
    "Export it as PNG (savefig('figure.png'), fig.write_image('figure.png')), with the counts beside it as CSV.",
)
OLD_OFFICE = (
    "Files of this kind can hold programs and hidden parts that cannot be looked into.",
    "Save it as .xlsx, .docx or .pdf without macros, or write the table as CSV.",
)
DATA = ("Files of this kind hold data that cannot be looked into.", "Write the table of counts as CSV in UTF-8.")
ARCHIVE = SENTENCES[FindingCode.ARCHIVE]
REFUSED: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("svg", "html", "htm", "xhtml", "mhtml", "eps", "ps", "wmf", "emf"), PICTURE_WITH_DATA),
    **dict.fromkeys(
        ("pkl", "pickle", "joblib", "pt", "pth", "ckpt", "onnx", "safetensors", "h5", "hdf5", "keras", "pb", "tflite",
         "model", "ubj", "pmml", "gguf", "bin", "rds", "rda", "rdata", "mojo"), MODEL),
    **dict.fromkeys(("xls", "xlsm", "xlsb", "xltx", "xltm", "doc", "docm", "dotx", "dotm", "ppt", "pptx", "pptm", "odt",
                     "ods", "odp", "rtf"), OLD_OFFICE),
    **dict.fromkeys(("zip", "gz", "tgz", "tar", "bz2", "xz", "7z", "rar", "zst", "whl", "jar"), ARCHIVE),
    **dict.fromkeys(("dta", "sav", "sas7bdat", "npy", "npz", "feather", "arrow", "avro", "orc", "db", "sqlite",
                     "duckdb", "tsv", "xml", "yaml", "yml", "jsonl", "ndjson", "parq", "log"), DATA),
    **dict.fromkeys(("gif", "tif", "tiff", "bmp", "webp", "heic", "avif", "ico"),
                    ("Pictures of this kind are not looked into.", "Save the picture as PNG or JPEG.")),
}  # fmt: skip
ANYTHING_ELSE = (
    "Files of this kind cannot be looked into.",
    "Submit a csv, parquet, xlsx, png, jpeg, pdf, md, txt, json, ipynb, docx, py, R or sql file.",
)
POLYGLOT_WITHIN = 1024


def type_of(name: str, content: bytes) -> FileType:
    """The type of a file. Raises CannotBeRead: one that may not leave, or content that is something else."""
    ending = name.rpartition(".")[2].lower()
    kind = ENDINGS.get(ending)
    if kind is None:
        what, mend = REFUSED.get(ending, ANYTHING_ELSE)
        code = FindingCode.ARCHIVE if REFUSED.get(ending) is ARCHIVE else FindingCode.TYPE_REFUSED
        raise CannotBeRead(code, what, mend=mend)
    if not FILE_NAME.fullmatch(name):
        raise _unfit(FindingCode.FILE_NAME)
    if not content:
        raise CannotBeRead(FindingCode.MALFORMED, "The file is empty.", mend="Submit what there is to release.")
    _check_signature(kind, content)
    return FileType.ACRO if kind is FileType.JSON and name.lower() == "results.json" else kind


def _check_signature(kind: FileType, content: bytes) -> None:
    expected = SIGNATURES.get(kind)
    if expected is not None:
        if not content.startswith(expected):
            raise _unfit(FindingCode.WRONG_TYPE)
        if kind is not FileType.PDF and b"%PDF-" in content[:POLYGLOT_WITHIN]:
            raise _unfit(FindingCode.WRONG_TYPE, "The file is a PDF too: one file is one thing.")
        return
    for signature, what in OTHERS:
        if content.startswith(signature):
            raise _unfit(FindingCode.WRONG_TYPE, f"The file is {what}, whatever its name says.")
    if b"%PDF-" in content[:POLYGLOT_WITHIN]:
        raise _unfit(FindingCode.WRONG_TYPE, "The file is a PDF too: one file is one thing.")


def _unfit(code: FindingCode, what: str = "") -> CannotBeRead:
    usual, mend = SENTENCES[code]
    return CannotBeRead(code, what or usual, mend=mend)
