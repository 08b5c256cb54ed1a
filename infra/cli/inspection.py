"""`haven disclosure inspect`: files of every type that may leave, looked into before they are submitted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.common import NOT_PASSED, AsJson, print_json, write_new

if TYPE_CHECKING:
    from environments.inspection.model import Inspection


def register(disclosure: typer.Typer) -> None:
    """Add the command on files to `haven disclosure`."""
    disclosure.command("inspect")(inspect_files)


def inspect_files(
    files: Annotated[list[Path], typer.Argument(help="The files that are to leave.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Of one picture: where it is written anew, without what stands beside its pixels."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Look into files: rows of people, identifiers, what is hidden, attached, or written behind the end.

    Each type has its inspector: csv parquet xlsx png jpeg pdf md txt json ipynb docx py R sql, and ACRO's results.json.
    Everything else is refused, with what to submit in its place: figures as PNG (not SVG or HTML, which carry their
    values), models as a CSV of coefficients. A finding has a stable code, where it is, and how to mend it; it never
    quotes what it found. Exit status 0: nothing found; 65: something found. With --out: 0 when the picture that was
    written holds nothing any more. docs/inspection.md tells what each inspector looks for, and what none can find.

    Example: `haven disclosure inspect report.docx figure.png table.csv`
    Example: `haven disclosure inspect figure.png --out figure-clean.png`
    """
    found = [_inspected(path) for path in files]
    if out is not None:
        found = [_written_anew(found, out)]
    if as_json:
        print_json({"passed": all(one.passed for one in found), "files": [one.as_data() for one in found]})
    else:
        for one in found:
            _show(one)
    if not all(one.passed for one in found):
        raise typer.Exit(NOT_PASSED)


def _inspected(path: Path) -> Inspection:
    from environments.inspection.enclosed import inspect_path
    from environments.inspection.errors import InspectionError

    try:
        return inspect_path(path)
    except OSError as error:
        raise InspectionError(
            f"The file cannot be read ({error.strerror}).", where=str(path), mend="Name a file that is there."
        ) from None


def _written_anew(found: list[Inspection], out: Path) -> Inspection:
    """The picture written anew, looked into again from scratch. Raises InspectionError."""
    from environments.inspection.enclosed import inspect_apart
    from environments.inspection.errors import InspectionError

    if len(found) != 1:
        raise InspectionError("One picture at a time is written anew.", where="--out", mend="Name one file.")
    if found[0].written_anew is None:
        if found[0].findings:
            return found[0]  # its findings say why it cannot be
        raise InspectionError(
            "Only pictures are written anew.", where="--out", mend="Leave --out: this file may leave as it is."
        )
    again = inspect_apart(out.name, found[0].written_anew)
    if again.passed:
        write_new(out, found[0].written_anew)
    return again


def _show(found: Inspection) -> None:
    typer.echo(f"{found.name}: {'nothing found' if found.passed else f'{len(found.findings) + found.more} found'}")
    for one in found.findings:
        typer.echo(f"- [{one.code.value}] {one}")
    if found.more:
        typer.echo(f"- and {found.more:,} more of the same kinds.")
    if found.findings and found.written_anew is not None:
        typer.echo("  All of it stands beside the pixels: --out FILE writes the picture without it.")
