"""`haven linkage spec` and `haven linkage evaluate`: link any files by a specification, and measure how well."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.common import AsJson, print_json, progress_bar

if TYPE_CHECKING:
    from linkage.errors import NoRoom
    from linkage.specified.errors import SpecifiedError
    from linkage.specified.service import Evaluation
    from linkage.specified.unread import Unread

SHOWN = range(-6, 25, 2)


def register(topic: typer.Typer) -> None:
    """Add these commands to `haven linkage`."""
    topic.command("spec")(spec)
    topic.command("files")(files)
    topic.command("evaluate")(evaluate)


def spec(
    files: Annotated[list[Path], typer.Argument(help="One file (find duplicates) or two (link): CSV, .gz, Parquet.")],
    out: Annotated[Path | None, typer.Option("--out", help="Write here; else to the screen.")] = None,
    truth: Annotated[
        list[str] | None, typer.Option("--truth", help="A column that names the person: never used as evidence.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Propose a specification from the files: what each column is, comparisons, certain steps, blocking; with evidence.

    Example: `haven linkage spec people.csv --out people.yaml`
    """
    from linkage.specified.proposal import propose_specification

    _require_place(out, "--out")
    text = propose_specification(files, truth=tuple(truth or ()))
    if out is not None:
        _written(out, lambda place: place.write_text(text, encoding="utf-8"))
    if as_json:
        print_json({"specification": text, "written": str(out) if out else None})
    elif out is None:
        typer.echo(text, nl=False)
    else:
        typer.echo(f"Wrote {out}. Read its remarks; then: haven linkage evaluate ... --spec {out} --truth ...")


def files(
    left: Annotated[Path, typer.Argument(help="A file of people: CSV, .gz or Parquet.")],
    right: Annotated[
        Path | None, typer.Argument(help="The file to link it to; without it, duplicates are found.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Write here, as CSV: who was linked.")] = Path("links.csv"),
    spec_file: Annotated[
        Path | None, typer.Option("--spec", help="The specification; without it, what `spec` proposes.")
    ] = None,
    model: Annotated[Path | None, typer.Option("--model", help="Use a frozen model; nothing is trained.")] = None,
) -> None:
    """Link files by a specification, and write who was linked: pairs of two files, each record's person of one.

    Example: `haven linkage files a.csv b.csv --spec people.yaml --out links.csv`
    """
    from linkage.specified.found import found_links
    from linkage.specified.proposal import proposed
    from linkage.specified.reading import short_lines
    from linkage.specified.service import link_files
    from linkage.specified.specification import load_specification
    from linkage.specified.unread import unread_dates

    _require_place(out, "--out")
    named = [path for path in (left, right) if path is not None]
    specification = load_specification(spec_file) if spec_file else proposed(named)
    with progress_bar("linking") as progress:
        linked, frames = link_files(left, right, specification, model=model, progress=progress)
    found = found_links(linked, specification, frames)
    _written(out, found.write_csv)
    people = f", {found['person'].n_unique():,} people" if "person" in found.columns else ""
    typer.echo(
        f"{out}: {found.height:,} {'records' if people else 'links'}{people}. It names records: keep it as them."
    )
    _print_short(sum(short_lines(path, frame) for path, frame in zip(named, frames, strict=True)))
    _print_unread(unread_dates(frames, specification.columns))
    _print_alone(linked.left_alone)
    _print_unlearned(linked.learned)


def evaluate(
    left: Annotated[Path, typer.Argument(help="A file of people: CSV, .gz or Parquet.")],
    right: Annotated[
        Path | None, typer.Argument(help="The file to link it to; without it, duplicates are found.")
    ] = None,
    spec_file: Annotated[
        Path | None, typer.Option("--spec", help="The specification; without it, what `spec` proposes.")
    ] = None,
    truth: Annotated[
        str | None, typer.Option("--truth", help="A file of pairs or of record and person, or a person column.")
    ] = None,
    model: Annotated[Path | None, typer.Option("--model", help="Use a frozen model; nothing is trained.")] = None,
    save_model: Annotated[Path | None, typer.Option("--save-model", help="Freeze what was learned here.")] = None,
    report: Annotated[Path | None, typer.Option("--report", help="Write an HTML page with the curve.")] = None,
    as_json: AsJson = False,
) -> None:
    """Link by a specification, trained without labels, and print precision, recall, F1 and the curve.

    Example: `haven linkage evaluate a.csv b.csv --spec people.yaml --truth pairs.csv`
    """
    from linkage.specified.errors import SpecifiedError
    from linkage.specified.proposal import proposed
    from linkage.specified.service import evaluate_files
    from linkage.specified.specification import load_specification

    _require_place(save_model, "--save-model")
    _require_place(report, "--report", new=False)
    files = [path for path in (left, right) if path is not None]
    specification = load_specification(spec_file) if spec_file else proposed(files, truth=truth)
    named = truth or (specification.truth.column if specification.truth else None)
    if named is None:
        raise SpecifiedError(
            "No truth is named.",
            where="--truth",
            mend="Name a file of pairs, of record and person, or a person column. Without one: haven linkage files",
        )
    with progress_bar("evaluating", quiet=as_json) as progress:
        found = evaluate_files(left, right, specification, named, model=model, progress=progress)
    if as_json:
        print_json(found.as_dict())
    else:
        _print(found)
    if save_model is not None and not found.linked.learned:
        raise SpecifiedError(
            "Nothing was learned, so there is no model to keep.",
            where="--save-model",
            mend="Learn from larger files of the same specification.",
        )
    if save_model is not None:  # after the figures: they took the time, and are there whatever becomes of the files
        _written(save_model, found.linked.model.write)
    if report is not None:
        from linkage.specified.report import write_page

        _written(report, lambda place: write_page(found, specification, place))
    for path, what in ((save_model, "Model"), (report, "Report")):
        if path is not None and not as_json:
            typer.echo(f"{what}: {path}")


def _require_place(path: Path | None, option: str, *, new: bool = True) -> None:
    """Before anything is linked: is there a folder, and (new) no such file? Raises SpecifiedError."""
    from linkage.specified.errors import SpecifiedError

    if path is None:
        return
    try:
        stands = "a folder" if path.is_dir() else "a file" if new and path.exists() else None
        folder = path.parent.is_dir()
    except OSError:
        raise _cannot_write(path) from None
    if stands:
        raise SpecifiedError(f"There is {stands} of this name.", where=str(path), mend=f"Name another with {option}.")
    if not folder:
        raise SpecifiedError("There is no such folder.", where=str(path.parent), mend=f"Make it, or another {option}.")
    if not os.access(path.parent, os.W_OK):
        raise _cannot_write(path)


def _written(path: Path, write: Callable[[Path], object]) -> None:
    """The file whole, or not at all. Raises SpecifiedError where it cannot be written, NoRoom."""
    from linkage.full_disks import no_room_told

    draft = path.with_name(f".{path.name}.part")
    try:
        with no_room_told(lambda: _no_room(path)):
            write(draft)
            draft.replace(path)
    except OSError:
        raise _cannot_write(path) from None
    finally:
        for left in path.parent.glob(f"{glob.escape(draft.name)}*"):
            with suppress(OSError):  # what went wrong is told above
                left.unlink()


def _no_room(path: Path) -> NoRoom:
    from linkage.errors import NoRoom

    return NoRoom("The disk is full; no file was left.", where=str(path), mend="Make room there, and run it again.")


def _cannot_write(path: Path) -> SpecifiedError:
    from linkage.specified.errors import SpecifiedError

    return SpecifiedError("Nothing can be written there.", where=str(path), mend="Name another folder.")


def _print(found: Evaluation) -> None:
    figures = found.as_dict()
    for name in ("precision", "recall", "f1"):
        low, high = figures[f"{name}_95"]
        typer.echo(f"{name:<10} {figures[name]:.4f}   95 %: {low:.4f} to {high:.4f}")
    typer.echo(
        f"pairs      true {figures['true_pairs']:,}; found {figures['found_pairs']:,};"
        f" right {figures['right_pairs']:,}; wrong {figures['wrong_pairs']:,}; missed {figures['missed_pairs']:,}"
    )
    typer.echo(
        f"compared   {figures['candidate_pairs']:,} pairs of {' and '.join(f'{n:,}' for n in found.records)} records;"
        f" blocking lost {found.lost_by_blocking:,} true pairs; {figures['seconds']} s"
    )
    if not figures["found_pairs"]:
        why = "blocking left none to compare" if not figures["candidate_pairs"] else "none reached the threshold"
        typer.echo(f"linked     no pair, so precision says nothing: {why}")
    _print_short(sum(found.short))
    _print_unread(found.unread)
    _print_alone(found.linked.left_alone)
    _print_unlearned(found.linked.learned)
    if found.unmatched:
        typer.echo(f"truth      {found.unmatched:,} rows name no record of these files, and count for nothing")
    for change in found.linked.blocking.changed:
        typer.echo(f"           {change}: too many pairs")
    typer.echo(f"threshold  weight {found.threshold:g} (log2 of the odds), chosen without the truth\n")
    typer.echo("threshold  precision   recall       F1      found")
    for point in found.curve:
        if point["threshold"] in SHOWN:
            mark = " <" if point["threshold"] == found.threshold else ""
            typer.echo(
                f"{point['threshold']:>9g}  {point['precision']:>9.4f} {point['recall']:>8.4f} {point['f1']:>8.4f}"
                f" {int(point['found_pairs']):>10,}{mark}"
            )
    _print_errors(figures["errors"])


def _print_short(lines: int) -> None:
    if lines:
        typer.echo(f"files      {lines:,} lines have fewer fields than the headings: the rest was taken for not known")


def _print_unread(found: Iterable[Unread]) -> None:
    for one in found:
        typer.echo(
            f"dates      {one.values:,} values of '{one.column}' could not be read, and were taken for not known; they"
            f" look like {', '.join(one.forms)} (9 a digit, a letters)"
        )


def _print_alone(records: int) -> None:
    if records:
        typer.echo(
            f"alone      {records:,} records have several partners that fit, and no link: one to one takes one at most."
            " If somebody stands twice in a file, write `one_to_one: false` under `link`"
        )


def _print_unlearned(learned: bool) -> None:
    if not learned:
        typer.echo(
            "learned    nothing: the files are too small, so columns weigh what is usual. Look at each link, or give a"
            " model of the same specification with --model"
        )


def _print_errors(errors: dict[str, Any]) -> None:
    typer.echo(
        f"\nmissed: {errors['missed_not_compared']:,} never compared, {errors['missed_below_threshold']:,} below the"
        f" threshold; wrong: {errors['wrong_above_threshold']:,} above it (pairs, before joining)"
    )
    for kind in ("missed", "wrong"):
        for column, counts in errors[f"{kind}_by_column"].items():
            shown = ", ".join(f"{word} {count:,}" for word, count in counts.items() if count)
            typer.echo(f"  {kind:<6} {column:<16} {shown}")
