"""`haven linkage`: link what was received, read the report, and measure against a known truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from infra.cli import linkage_models, linkage_reference, linkage_review, linkage_specified, linkage_steps
from infra.cli.common import DEFAULT_HOME, AsJson, Home, open_haven, print_json, progress_bar, say_one_account


def register(app: typer.Typer) -> None:
    """Add this topic's commands to the command line."""
    topic = typer.Typer(no_args_is_help=True, help="Link deliveries to the person spine, and see how well.")
    topic.command("run")(run)
    topic.command("report")(report)
    topic.command("list")(list_runs)
    topic.command("truth")(truth)
    linkage_steps.register(topic)
    linkage_models.register(topic)
    linkage_review.register(topic)
    linkage_specified.register(topic)
    linkage_reference.register(topic)
    app.add_typer(topic, name="linkage")


def run(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Link every delivery that was received and not yet linked, and say how many rows were joined how.

    Counts under 10 are hidden, others rounded to 5.

    Example: `haven linkage run`
    """
    from audit.model import service
    from audit.suppression import shown_count
    from infra.published import held_scopes
    from linkage.matching.explained import came_in, everything, too_common

    haven = open_haven(home)
    if not as_json:
        say_one_account(haven.settings)
    with progress_bar("linking", quiet=as_json) as progress:
        summary = haven.linker.link(by=service("linkage"), progress=progress)
    held = held_scopes(haven)
    linking = [project for project, why in held.items() if why.code == "optouts.being_linked"]
    if as_json:
        print_json(
            {
                "run": summary.run,
                "deliveries": list(summary.deliveries),
                "model": summary.model,
                "model_to_be_trained_anew": summary.model_outgrown,
                "doubtful_pairs": summary.waiting,
                "people": shown_count(summary.counts["people"]) if summary.counts else None,
                "reports": [str(path) for path in summary.reports],
                "came_in": came_in(summary.counts) if summary.counts else None,
                "linked_in_all": everything(summary.counts) if summary.counts else None,
                "too_common_to_weigh": too_common(summary.counts),
                "to_publish": [project for project in held if project not in linking],
                "being_linked": linking,
            }
        )
        return
    if summary.model_outgrown:
        typer.echo("The approved model was made under other rules: train it anew, haven linkage train")
    for project, why in held.items():
        typer.echo(
            f"{project} stays refused to its people. {why.reason} {why.mend}"
            if project in linking
            else f"Refused to its people until it is published again: haven scope publish {project}"
        )
    if summary.nothing_new:
        typer.echo("Everything that was received is linked already: nothing was changed.")
        return
    done = f"Linked {len(summary.deliveries)} deliveries" if summary.deliveries else "Looked again at what was linked"
    typer.echo(f"{done}; people on the spine: {shown_count(summary.counts['people'])}.")
    first, now = came_in(summary.counts), everything(summary.counts)
    if summary.deliveries:
        _say_rows("Rows that came in", first)
    if now != first:
        _say_rows("All rows that are linked now", now)
    if summary.model is None and not summary.model_outgrown:
        typer.echo("By the ladder only: no model is approved. Train one: haven linkage train --as NAME")
    if common := too_common(summary.counts):
        typer.echo(
            f"Values too common to weigh by: {common['values']}, of {common['records']} records found in one dataset"
            f" only; of these weighed with nobody: {common['with_nobody']}."
        )
    waiting = shown_count(summary.waiting)
    typer.echo(
        f"Doubtful pairs that wait for a reviewer: {waiting}. Decide: haven linkage review --as NAME"
        if summary.waiting
        else "No doubtful pair waits for a reviewer."
    )
    typer.echo(f"Report, with why others were left alone and how right this is: {summary.reports[0]}")


def _say_rows(title: str, rows: dict[str, str]) -> None:
    """How many rows, and how many of them were joined how."""
    from linkage.matching.explained import WORDS

    typer.echo(f"{title}: {rows['rows']}")
    for how, words in WORDS.items():
        typer.echo(f"  {rows[how.value]:>14}  {words}")


def report(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """The newest linkage report: where its page lies, or its data.

    Example: `haven linkage report --json`
    """
    from linkage.matching.errors import NoRun

    haven = open_haven(home)
    data = linkage_steps.newest_report(haven)
    if data is None:
        raise NoRun("Nothing has been linked yet.", mend="Receive deliveries, then: haven linkage run")
    place = haven.settings.reports_folder / "linkage" / data["run"]
    if as_json:
        print_json(data)
        return
    for question, figure, sentence, _ in data["sections"].get("at_a_glance", {"rows": []})["rows"]:
        typer.echo(f"{question:<28} {figure:<24} {sentence}")
    for dataset, step, label, rows in data["sections"]["steps_by_dataset"]["rows"]:
        typer.echo(f"{dataset:<14} step {step:>2}  {rows:>14}  {label}")
    for what, tried, share in data["sections"]["trials"]["rows"]:
        typer.echo(f"{what}: {share} % of {tried}")
    for key in ("precision_by_step", "precision_by_what_was_not_asked"):
        for step, label, of, share, *_ in data["sections"].get(key, {"rows": []})["rows"]:
            typer.echo(f"step {step:>2}, estimated precision: {share} % of {of}  {label}")
    typer.echo(f"Page: {place / 'linkage-report.html'}")
    typer.echo(f"What may leave the linkage unit: {place / 'linkage-statement.md'}")


def list_runs(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Every linkage run, with its specification and key.

    Example: `haven linkage list`
    """
    from linkage.matching.store import all_runs

    with open_haven(home).records.read() as session:
        runs = all_runs(session)
    if as_json:
        print_json(
            [
                {
                    "run": one.id,
                    "at": one.at,
                    "specification": one.specification,
                    "key_id": one.key_id,
                    "key_check": one.key_check,
                    "deliveries": one.deliveries,
                }
                for one in runs
            ]
        )
        return
    for one in runs:
        typer.echo(f"{one.at:%Y-%m-%d %H:%M}  {one.id}  specification {one.specification}")
    if not runs:
        typer.echo("Nothing has been linked yet.")


def truth(
    file: Annotated[Path, typer.Argument(help="CSV with the columns dataset, record, person.")],
    by: Annotated[str | None, typer.Option("--by", help="Also by a column of the data: ethnic_category.")] = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Measure the links against a known truth: precision and recall of pairs. For synthetic data only.

    Example: `haven linkage truth truth.csv --by ethnic_category`
    """
    from infra.demo.quality import as_data, pair_quality

    found = pair_quality(open_haven(home), file, by)
    if as_json:
        print_json(as_data(found))
        return
    heads = ("precision", "recall", "F1", "true pairs", "found")
    typer.echo(f"{'between':<28} " + " ".join(f"{head:>10}" for head in heads))
    for q in found:
        rates = f"{q.precision:>10.4f} {q.recall:>10.4f} {q.f1:>10.4f}"
        typer.echo(f"{q.left + ' - ' + q.right:<28} {rates} {q.true:>10,} {q.found:>10,}")
