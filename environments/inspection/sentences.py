"""How is each finding said, and mended, where its inspector says nothing closer? One row a code."""

from __future__ import annotations

from environments.inspection.limits import MOST_ROWS
from environments.inspection.model import FindingCode as F

SENTENCES: dict[F, tuple[str, str]] = {
    F.WRONG_TYPE: ("The file is not what its name says.", "Save it again as what it is, under the right ending."),
    F.FILE_NAME: (
        "The file's name has characters that cannot be used.",
        "Use letters, digits, - and _, at most 80, and one ending: report_2025.pdf.",
    ),
    F.TOO_LARGE: ("The file is larger than 16 MB.", "Take out what need not leave, or submit it as several files."),
    F.UNPACKS_TOO_LARGE: (
        "The file unpacks to far more than people could check.",
        "Make it smaller: fewer rows, sheets, pages or pixels.",
    ),
    F.MALFORMED: ("The file does not follow its own format.", "Save it again with the program that made it."),
    F.ENCRYPTED: ("The file is encrypted: nobody can check it.", "Save it without a password."),
    F.NOT_INSPECTED: (
        "The inspection of this file did not end: what was not inspected does not leave.",
        "Save it again, smaller and simpler, or as CSV, PNG or text.",
    ),
    F.TOO_MANY_ROWS: (
        f"It holds more than {MOST_ROWS:,} rows: people cannot check so many.",
        "Make the categories coarser, or submit it in parts.",
    ),
    F.ROW_LEVEL: (
        "It holds many rows and no column that counts people: it looks like one row a person.",
        "Put groups in rows, and the number of people behind each beside it (a column people, n or count).",
    ),
    F.ONE_VALUE_PER_PERSON: (
        "A column has another code in nearly every row: it looks like one value a person.",
        "Take that column out: only groups of people may leave. Lists of codes come from who publishes them.",
    ),
    F.PERSON_COLUMN: (
        "A column is named like something of one person.",
        "Take it out, or name it for what it counts.",
    ),
    F.NHS_NUMBER: (
        "It holds what may be an NHS number.",
        "Take it out. A figure that only looks like one is written with fewer digits.",
    ),
    F.PSEUDONYM: ("It holds a pseudonym or another person's number.", "Take it out: nothing of one person may leave."),
    F.EMAIL: ("It holds an address of e-mail.", "Take it out: name the team, or a role."),
    F.POSTCODE: ("It holds what looks like a full postcode.", "Write its first part, or the area, instead."),
    F.HIDDEN_SHEET: ("The workbook has a hidden sheet.", "Delete it, or unhide it."),
    F.HIDDEN_CELLS: ("Rows or columns are hidden.", "Delete them, or unhide them and take the filter off."),
    F.HIDDEN_TEXT: ("It holds text that a reader does not see.", "Delete it."),
    F.HIDDEN_VERSION: ("The file holds an earlier version of itself.", "Save it under a new name (print to PDF)."),
    F.TRACKED_CHANGE: ("It holds tracked changes: what was deleted is still there.", "Accept all changes, and save."),
    F.COMMENT: ("It holds comments.", "Delete all comments, and save."),
    F.METADATA: (
        "It carries metadata beside what is seen.",
        "Save it without properties, author, keywords and further metadata.",
    ),
    F.LOCATION: ("The picture says where it was taken.", "Save it without EXIF data."),
    F.ATTACHMENT: ("It has a file attached.", "Take the attachment out, and submit it as a file of its own."),
    F.TRAILING_BYTES: ("Bytes stand where the format has none.", "Save the file again with the program that made it."),
    F.MACRO: ("It holds a program that runs when it is opened.", "Save it without macros, actions and scripts."),
    F.FORMULA: ("A cell holds a formula, or begins like one.", "Write its value; begin texts with a letter or digit."),
    F.EMBEDDED_OBJECT: ("It holds an embedded object.", "Put it in as a PNG picture, or submit it as a file."),
    F.EMBEDDED_DATA: ("It holds embedded data that a reader does not see.", "Put a PNG picture in its place."),
    F.EXTERNAL_LINK: ("It is linked with something outside.", "Take the link out; write the address as plain text."),
    F.ARCHIVE: ("It is or holds an archive.", "Unpack it, and submit each file by itself."),
    F.OUTPUTS: ("The notebook has outputs.", "Clear all outputs, and save; submit what may leave as files."),
    F.CONTROL_CHARACTERS: ("It holds control characters.", "Write it as plain text in UTF-8."),
    F.UNREADABLE_TEXT: (
        "It holds text that a machine cannot read, and so cannot check.",
        "Save it with the fonts' characters named (ToUnicode), or the page as a PNG.",
    ),
    F.CHECK_FAILED: (
        "An output in it did not pass its own check.",
        "Take the output out (acro.remove_output), or mitigate it, and finalise again.",
    ),
}
