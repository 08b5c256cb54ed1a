"""Why was a row or a file not taken in, and how is it mended? One sentence each, under a stable code.

Codes go into quarantine, reports and the log and are never reused. A sentence names what and how, never a value.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """What was wrong, and what its sender can do."""

    what: str
    mend: str


class Fault(Exception):
    """A file cannot be read as its contract says. Carries the reason's code; caught by the receipt."""

    def __init__(
        self, code: str, what: str | None = None, mend: str | None = None, *, where: str | None = None
    ) -> None:
        reason = REASONS[code]
        super().__init__(code)
        self.code = code
        self.what = what or reason.what
        self.mend = mend or reason.mend
        self.where = where


REASONS: dict[str, Reason] = {
    # the delivery
    "delivery.not_found": Reason("There is no delivery at this path.", "Name the folder or archive that was packed."),
    "delivery.form": Reason(
        "A delivery is a folder, or a .zip, .tar or .tar.gz archive.", "Send it in one of these forms."
    ),
    "delivery.name_taken": Reason(
        "Another delivery with other content was received under this name.",
        "If this one corrects it, pack it again with --supersedes and that name; else give it a name of its own.",
    ),
    "delivery.nothing_to_supersede": Reason(
        "The delivery that this one should replace is not in the haven.",
        "Give --supersedes the name of a received delivery: `haven delivery list` shows them.",
    ),
    "delivery.too_many_bad_rows": Reason(
        "More rows are bad than the contract tolerates.", "The delivery report counts them by reason; mend and resend."
    ),
    "delivery.changed": Reason(
        "A file was changed while it was being read.", "Send the delivery again when it is complete."
    ),
    # the archive
    "archive.damaged": Reason("The archive cannot be unpacked: it is damaged or cut short.", "Send it again."),
    "archive.unsafe": Reason(
        "The archive holds a link, a device, a folder outside itself or two entries of one name.",
        "Pack plain files only, side by side.",
    ),
    "archive.too_large": Reason(
        "The archive unpacks to far more than its size allows.", "Send the delivery as a folder or in several parts."
    ),
    "archive.encrypted": Reason(
        "The archive is locked with a password.", "Send it without one, through the agreed channel."
    ),
    "archive.not_for_us": Reason(
        "The archive is sealed for another recipient, or was damaged or cut short on its way.",
        "Pack for the recipient that `haven delivery recipient` prints, and send the file again.",
    ),
    # a delivery of tokens (mode B)
    "round.unknown": Reason("The manifest names a round that this haven never made.", "Ask for the round's file."),
    "round.destroyed": Reason(
        "The key of this round was destroyed: its tokens can be compared with nothing.",
        "Ask for a new round, and pack again with its file.",
    ),
    "round.wrong_key": Reason(
        "The tokens were made with another key than this round's.", "Pack again with the round's file of this haven."
    ),
    "round.dataset": Reason(
        "The round was made for other datasets.", "Ask for a round of this dataset, and pack again with its file."
    ),
    "round.specification": Reason(
        "The tokens were made under other rules of standardisation than the haven's.",
        "Install the agent that belongs to this haven, and pack again.",
    ),
    "round.invented": Reason(
        "The delivery says that its people are invented, and this haven holds real data.", "Pack without --invented."
    ),
    "tokens.sealed": Reason(
        "The delivery holds tokens and came in clear.", "Send the one sealed file that `haven-controller pack` wrote."
    ),
    "tokens.columns": Reason(
        "A file of tokens has not exactly the columns of tokens.", "Pack again with the agent of this haven."
    ),
    "tokens.row_keys": Reason(
        "The row keys of tokens and payload do not fit each other.", "Pack again with the agent of this haven."
    ),
    "payload.columns": Reason(
        "A file of payload has not exactly the columns that its contract sends to the research zone.",
        "Pack again with the contract that is in force here.",
    ),
    "payload.value": Reason(
        "A value of the payload is not what the contract says; the agent lets none of these through.",
        "Pack again with `haven-controller pack`, and do not change what it wrote.",
    ),
    # the manifest
    "manifest.missing": Reason(
        "The delivery has no manifest.json.", "Make it at the controller's side with `haven delivery pack`."
    ),
    "manifest.invalid": Reason(
        "The file manifest.json is not a manifest.", "Make it again with `haven delivery pack`."
    ),
    "manifest.contract": Reason(
        "The manifest names a contract that is not in force here.",
        "`haven contract list` shows those in force; pack with one of them.",
    ),
    "manifest.controller": Reason(
        "The manifest's controller is not the contract's.", "Pack with the controller's own contract."
    ),
    "signature.missing": Reason(
        "The delivery is not signed, and its controller has a key here.",
        "Pack it with `--sign` and the controller's signing key.",
    ),
    "signature.wrong": Reason(
        "The signature is not its controller's, or the manifest was changed after it was signed.",
        "Pack it again with `--sign`; register a new key before it is used.",
    ),
    "signature.replayed": Reason(
        "This signed delivery was received before and has been replaced since.",
        "To take a correction back, pack the files again with `--supersedes` and a name of their own, and sign that.",
    ),
    "signature.no_key": Reason(
        "This haven takes signed deliveries only, and the controller has no key here.",
        "Put the line that `haven delivery keypair` printed into zones/controllers/<controller>.pub of the home.",
    ),
    "signature.bad_key": Reason(
        "The file of the controller's public keys cannot be read.",
        "Put the lines that `haven delivery keypair` printed into it, and nothing else.",
    ),
    "file.missing": Reason(
        "A file that the manifest or the contract names is missing.", "Send all files of the delivery together."
    ),
    "file.extra": Reason(
        "The delivery holds something that the manifest does not name.",
        "Take it out, or pack the delivery again when it belongs there.",
    ),
    "file.not_plain": Reason("An entry of the delivery is a link, a folder or a device.", "Send plain files only."),
    "file.altered": Reason(
        "A file is not the one that was packed: its SHA-256 differs.", "Send it again, or pack the delivery again."
    ),
    "file.truncated": Reason(
        "A file is shorter or longer than when it was packed.", "Send it again, or pack the delivery again."
    ),
    "file.row_count": Reason(
        "A file has not as many rows as the manifest says.", "Pack the delivery again with `haven delivery pack`."
    ),
    "file.not_in_contract": Reason(
        "A file matches no entry of the contract.", "Correct its name, or agree a new contract version."
    ),
    # one file
    "file.format": Reason(
        "A file is neither .csv, .csv.gz (or .txt, .tsv) nor .parquet.", "Export it in one of these forms."
    ),
    "file.empty": Reason("The file is empty.", "Export it again: even without rows it must have its header."),
    "file.no_rows": Reason(
        "The file has a header and no rows.", "Export it again; leave an optional file out when it is empty."
    ),
    "file.spreadsheet": Reason(
        "The file is a spreadsheet or an archive, not text.", "Save it as 'CSV UTF-8', or export it from the source."
    ),
    "gzip.damaged": Reason("The .gz file cannot be unpacked: damaged, cut short, or not gzip.", "Compress it again."),
    "gzip.too_large": Reason("The .gz file unpacks to far more than its size allows.", "Send it in several parts."),
    "parquet.damaged": Reason("The Parquet file cannot be read.", "Write it again."),
    "parquet.too_large": Reason(
        "The Parquet file unpacks to far more than its size allows, or has a row longer than a megabyte.",
        "Write it again with pages of a megabyte, or send it in several parts.",
    ),
    "parquet.untrue": Reason("The Parquet file's footer does not say what lies in its pages.", "Write it again."),
    "parquet.encoding": Reason(
        "The Parquet file has an encoding that is not read here.",
        "Write it with plain or dictionary encoding, which is what most programs do.",
    ),
    "parquet.nested": Reason(
        "The Parquet file has columns without a plain text: nested, binary, times.", "Write plain columns only."
    ),
    "encoding.utf16": Reason(
        "The file is in UTF-16.", "Save it in the encoding of the contract (in Excel: 'CSV UTF-8')."
    ),
    "encoding.byte_order_mark": Reason(
        "The file begins with a UTF-8 byte-order mark, and its contract says another encoding.",
        "Save it in the encoding of the contract, or agree UTF-8 in a new contract version.",
    ),
    "encoding.header": Reason("The header is not in the contract's encoding.", "Save it in the contract's encoding."),
    "encoding.other": Reason(
        "The file is in another encoding than its contract says.", "Save it in the contract's encoding."
    ),
    "csv.line_ends": Reason(
        "Lines end with a carriage return only, as on old Macintoshes.", "Save it with LF or CRLF line ends."
    ),
    "csv.delimiter": Reason("The columns are separated by another character than agreed.", "Export it as agreed."),
    "csv.quote_open": Reason(
        "A quotation mark is opened and never closed.", "Double quotation marks inside a text, and close each field."
    ),
    "csv.endless_line": Reason(
        "A line is longer than a megabyte.", "Export it again with one record on each line, or mend its line ends."
    ),
    "csv.unparsable": Reason("Part of the file cannot be parsed.", "Export it again with standard quotation."),
    "header.missing": Reason("The first line is not the header of the contract.", "Send the header as first line."),
    "header.wrong": Reason("The header is not that of the contract.", "Correct the header."),
    "header.repeated": Reason("A column stands twice in the header.", "Send each column once."),
    "header.too_many": Reason(
        "The file has many times the columns of its contract.", "Send only the columns of the contract."
    ),
    "header.free_text": Reason("The file has a free-text column, which is refused.", "Leave that column out."),
    "column.identifier": Reason(
        "A payload column holds identifiers in most of its rows.",
        "Leave it out, or declare it in a new version of the contract: as an identifier, or with may_hold and why.",
    ),
    # one row
    "row.too_few_fields": Reason("The row has fewer fields than the header.", "Look for a missing separator."),
    "row.too_many_fields": Reason(
        "The row has more fields than the header.", "Look for a separator in a text that is not quoted."
    ),
    "row.quote_misplaced": Reason("A quotation mark stands inside a field.", "Double it, and quote the whole field."),
    "row.nul": Reason("The row has NUL bytes.", "Export it again: the file was damaged or padded."),
    "row.blank": Reason("The line is empty.", "Remove it."),
    "encoding.invalid": Reason(
        "The row has bytes that do not exist in the file's encoding.", "Save the file in the contract's encoding."
    ),
    "key.duplicate": Reason("The record's key stands in several rows that differ.", "Send each record once."),
    "key.repeated_row": Reason("The same row was sent before; the first was kept.", "Send each record once."),
    "join.no_parent": Reason("The row's key has no row in the file that it joins.", "Send the missing record as well."),
    "join.parent_quarantined": Reason(
        "The row it belongs to is itself in quarantine.", "Mend that row; this one follows."
    ),
    # one value
    "value.missing": Reason("A required value is empty.", "Fill it in, or agree that it may be empty."),
    "value.not_integer": Reason("The value is not a whole number.", "Send digits only, without separators."),
    "value.not_decimal": Reason("The value is not a number.", "Send digits with a decimal point."),
    "value.not_boolean": Reason("The value is neither of the two agreed words.", "Send the agreed words."),
    "value.not_allowed": Reason("The code is not in the agreed list.", "Correct it, or agree a new contract version."),
    "value.pattern": Reason("The value has not the agreed form.", "Correct it: the contract shows the form."),
    "value.out_of_range": Reason("The value lies outside the agreed range.", "Correct it."),
    "value.too_long": Reason("The text is longer than agreed.", "Check that columns are not shifted."),
    "value.control_character": Reason("The text has control characters.", "Remove them."),
    "identifier.nhs_number": Reason(
        "A valid NHS number stands among payload.",
        "Leave it out; a column of other ten-digit numbers says so in the contract: may_hold.",
    ),
    "identifier.postcode": Reason(
        "A full postcode stands among payload.", "Leave it out, or send its first half only."
    ),
    "identifier.date_of_birth": Reason(
        "The row's own date of birth stands in a payload column that is no date.", "Leave it out."
    ),
    "identifier.name": Reason(
        "The row's own surname or forename stands in a text of payload.", "Leave it out, or send a code for the text."
    ),
    "date.unreadable": Reason("The date does not exist or is not a date.", "Send it in the agreed form."),
    "date.other_form": Reason("The date is written in another form than agreed.", "Send it in the agreed form."),
    "date.serial": Reason("The date is a spreadsheet's day number.", "Format the column as a date before exporting."),
    "date.out_of_range": Reason("The date lies outside the agreed range.", "Correct it."),
    "date.future": Reason("The date lies in the future.", "Correct it."),
    "date.order": Reason("Two dates of the row are the wrong way round.", "Correct one of them."),
    "spreadsheet.scientific": Reason(
        "A spreadsheet has turned the number into scientific form; its digits are lost.",
        "Export from the source, or format the column as text before opening it.",
    ),
    "nhs_number.not_ten_digits": Reason(
        "The NHS number has not ten digits.", "Look for lost leading zeros or other numbers in this column."
    ),
}
OF_ONE_ROW = ("row", "key", "identifier", "join", "value", "date", "spreadsheet", "nhs_number")


def sets_aside(code: str) -> bool:
    """Does this reason set one row aside? Every other refuses the delivery whole."""
    return code.split(".", maxsplit=1)[0] in OF_ONE_ROW or code == "encoding.invalid"


def page() -> str:
    """The page docs/reference/delivery-reasons.md: every reason with how to mend it, generated from this file."""
    whole = {code: reason for code, reason in REASONS.items() if not sets_aside(code)}
    rows = {code: reason for code, reason in REASONS.items() if sets_aside(code)}
    return "\n".join(
        [
            "# Why a delivery or a row was not taken in",
            "",
            "Every refusal and every row in quarantine has one of these codes. A code is stable.",
            "",
            "## The delivery is refused whole",
            "",
            "Nothing of it counts, and what was in the haven before is untouched. Its report stays, and of bad rows",
            "a part in quarantine. Mend it and send it again.",
            "",
            *_table(whole),
            "",
            "## A row is set aside",
            "",
            "It lies in quarantine with its number, and the rest is taken in; when more rows are bad than the contract",
            "tolerates, the delivery is refused whole with `delivery.too_many_bad_rows`.",
            "",
            *_table(rows),
            "",
        ]
    )


def _table(reasons: dict[str, Reason]) -> list[str]:
    rows = [f"| `{code}` | {reason.what} | {reason.mend} |" for code, reason in reasons.items()]
    return ["| code | what | how to mend it |", "|---|---|---|", *rows]
