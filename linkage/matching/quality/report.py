"""How did the linkage go? One report per run: a page with plots, its data, and a statement that may be sent outside.

Each section says whether it may leave the linkage unit. Small numbers are suppressed in all of them, as staff read it
who need no exact count; what stays within would still tell of single organisations, or help somebody to undo linkage.
"""

from __future__ import annotations

import json
from pathlib import Path

from audit.suppression import SMALLEST_SHOWN, shown_count
from linkage.matching.joining import LARGEST_GROUP
from linkage.matching.ladder import FIELDS, STEP_LABELS
from linkage.matching.quality.glance import at_a_glance, found_elsewhere
from linkage.matching.quality.implausible import UNASKED
from linkage.matching.quality.measured import Measured, Section
from linkage.matching.quality.page import page_of
from linkage.matching.quality.rates import MOST_GROUPS, OF_FEW, MatchRate
from linkage.matching.quality.shares import percent, said
from linkage.matching.quality.trials import Trial
from linkage.matching.residual.candidates import LARGEST_BLOCK
from linkage.matching.residual.reduction import Bounds
from linkage.sealed.joining import KEY_LABELS
from linkage.standardise.specification import VERSION


def write_report(folder: Path, measured: Measured) -> tuple[Path, ...]:
    """linkage-report.html, linkage-report.json and linkage-statement.md of this run; each whole or not at all."""
    from linkage.matching.quality.statement import statement

    place = folder / measured.run
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    sections = sections_of(measured)
    data = {
        "run": measured.run,
        "at": measured.at.isoformat(),
        "specification": VERSION,
        "model": measured.model or "none",
        "engine": measured.engine,
        "people": shown_count(measured.counts["people"]),
        "sections": {
            one.key: {"title": one.title, "may_leave": one.may_leave, "headers": one.headers, "rows": one.rows}
            for one in sections
        },
    }
    paths = (place / "linkage-report.html", place / "linkage-report.json", place / "linkage-statement.md")
    _write(paths[1], json.dumps(data, indent=2, ensure_ascii=False))
    _write(paths[2], statement(measured, [one for one in sections if one.may_leave]))
    page_of(measured, sections).write(paths[0])
    return paths


def sections_of(measured: Measured) -> list[Section]:
    """What is shown of a run, in the order of the page; every number suppressed."""
    return [
        at_a_glance(measured),
        found_elsewhere(measured),
        _steps(measured),
        _by_dataset(measured),
        _flags(measured),
        *_crowded(measured),
        *_sealed(measured),
        _trials(measured),
        *([_trial_steps(measured)] if measured.hidden or measured.decoys else []),
        *([_apart_elsewhere(measured)] if measured.apart_elsewhere else []),
        *([_trial_datasets(measured.hidden)] if measured.hidden else []),
        _judged(measured),
        _signs(measured),
        *([_thresholds(measured)] if measured.model else []),
        *_rates(measured.rates),
    ]


def _steps(measured: Measured) -> Section:
    totals = {step: sum(n for _, s, n in measured.counts["steps"] if s == step) for step in STEP_LABELS}
    shown = {step: n for step, n in totals.items() if n >= SMALLEST_SHOWN}
    return Section(
        "steps",
        "Rows by the step that joined them",
        True,
        ("step", "agreement", "rows"),
        [[str(step), STEP_LABELS[step], shown_count(n)] for step, n in totals.items() if n],
        "From the most certain step to the least; each row counts once, under the first step that joined its record.",
        (
            [f"{step} {STEP_LABELS[step]}"[:60] for step in shown],
            [float(5 * ((n + 2) // 5)) for n in shown.values()],
            "rows",
        ),
    )


def _by_dataset(measured: Measured) -> Section:
    rows = [[dataset, str(step), STEP_LABELS[step], shown_count(n)] for dataset, step, n in measured.counts["steps"]]
    about = "The same by dataset: where a dataset depends on late steps, it is recorded worse."
    return Section(
        "steps_by_dataset", "Rows by dataset and step", True, ("dataset", "step", "agreement", "rows"), rows, about
    )


def _flags(measured: Measured) -> Section:
    rows = [[dataset, str(flag), shown_count(n)] for dataset, flag, n in measured.counts["flags"]]
    about = (
        "no_match: nobody fits; too_little: too little is recorded to tell; several_candidates: more than one person"
        " fits; nhs_number_contradicts: all fits but the NHS number; clerical_review: a person is asked."
    )
    return Section("not_joined_because", "Rows left alone, and why", True, ("dataset", "reason", "rows"), rows, about)


def _crowded(measured: Measured) -> list[Section]:
    """By what too many agree to be weighed; none where nothing was left out."""
    counts = measured.counts.get("crowded") or {}
    if not counts:
        return []
    rows = [
        [", ".join(FIELDS[name] for name in key.split()), shown_count(values), shown_count(records)]
        for key, values, records in counts["keys"]
    ]
    rows.append(["all of them, each record once", shown_count(counts["values"]), shown_count(counts["records"])])
    rows.append(["of those weighed with nobody", "", shown_count(counts["with_nobody"])])
    about = (
        "Who is found in one dataset only is weighed with those who agree with it on one of these. A value that more"
        f" than {LARGEST_BLOCK} records share says nothing (somebody typed a filler, or gave many people one address),"
        " and nobody was weighed by it in the last run that weighed. Most of its records agree on something else with"
        " whom they belong to; the last row counts those that agreed on nothing else with anybody."
    )
    return [
        Section("too_common", "Values too common to weigh by", True, ("agreement", "values", "records"), rows, about)
    ]


def _sealed(measured: Measured) -> list[Section]:
    """Rows in mode B by the composite key that joined them, and why the others were left alone; none where none are."""
    counts = measured.counts.get("sealed") or {}
    if not counts:
        return []
    steps = [[dataset, str(step), KEY_LABELS[step], shown_count(n)] for dataset, step, n in counts["steps"]]
    flags = [[dataset, str(flag), shown_count(n)] for dataset, flag, n in counts["flags"]]
    about = (
        "Came as tokens, without identifiers: no model and no reviewer looks at them (docs/adr/0012-mode-b.md)."
        f" group_too_large: more than {LARGEST_GROUP} records share a token, so it joins none of them."
    )
    headers = ("dataset", "key", "agreement", "rows")
    return [
        Section("sealed_steps", "Rows in mode B by the key that joined them", True, headers, steps, about),
        Section("sealed_not_joined", "Rows in mode B left alone", True, ("dataset", "reason", "rows"), flags, about),
    ]


def _trials(measured: Measured) -> Section:
    rows = []
    if measured.hidden:
        one = measured.hidden
        rows.append(["missed without an NHS number", shown_count(one.tried), percent(one.tried - one.found, one.tried)])
        joined = sum(step.joined for step in one.by_step)
        rows.append(["wrong among those joined without one", shown_count(joined), percent(one.wrong, joined)])
    if measured.decoys:
        one = measured.decoys
        rows.append(
            ["decoys (nobody's records) joined to somebody", shown_count(one.tried), percent(one.wrong, one.tried)]
        )
    about = (
        "NHS numbers that two datasets share were hidden in all but one and the records linked again; decoys are made"
        " of three people's parts. With 95 % intervals. Not seen by either: who has no NHS number may be recorded"
        " worse; a decoy has no twin."
        if rows
        else "Too few people share NHS numbers between datasets to try it."
    )
    return Section("trials", "Missed and false links, tried on a sample", True, ("what", "tried", "%"), rows, about)


def _trial_steps(measured: Measured) -> Section:
    hidden = {one.step: one for one in (measured.hidden.by_step if measured.hidden else ())}
    fooled = {one.step: one for one in (measured.decoys.by_step if measured.decoys else ())}
    tried = measured.decoys.tried if measured.decoys else 0
    rows = [
        [
            str(step),
            STEP_LABELS[step],
            shown_count(hidden[step].joined) if step in hidden else "0",
            percent(hidden[step].joined - hidden[step].wrong, hidden[step].joined) if step in hidden else "not tried",
            percent(fooled[step].joined if step in fooled else 0, tried),
        ]
        for step in sorted({*hidden, *fooled})
    ]
    about = (
        "How many of a step's joins are right where the number was hidden, and how many decoys it took for somebody."
    )
    headers = ("step", "agreement", "joined", "right, %", "of decoys, %")
    return Section("precision_by_step", "Each step's precision, estimated", True, headers, rows, about)


def _apart_elsewhere(measured: Measured) -> Section:
    rows = [
        [str(step), STEP_LABELS[step], shown_count(of), percent(of - apart, of), UNASKED[step].what]
        for step, of, apart in measured.apart_elsewhere
    ]
    about = (
        "Steps that ask for the NHS number, which cannot be tried without it, or for no name. Of the records that one"
        " joined, and that stand beside another of which the same is known: how many agree with one of these in what"
        " the step did not ask for. The others are mostly somebody else; a few are one person of whom all of it was"
        " recorded otherwise."
    )
    headers = ("step", "agreement", "joined, known", "agree, %", "in")
    title = "Each step's precision, estimated by what it did not ask for"
    return Section("precision_by_what_was_not_asked", title, True, headers, rows, about)


def _trial_datasets(hidden: Trial) -> Section:
    rows = [[dataset, shown_count(of), percent(of - found, of)] for dataset, of, found in hidden.by_dataset]
    about = "Missed when the NHS number was hidden, by the dataset in which it was."
    return Section("missed_by_dataset", "Missed by dataset", True, ("dataset", "tried", "missed, %"), rows, about)


def _judged(measured: Measured) -> Section:
    rows = [[str(step), STEP_LABELS[step], shown_count(of), percent(right, of)] for step, of, right in measured.judged]
    about = (
        "Pairs drawn from what each step had joined, and judged by reviewers who saw both records."
        if rows
        else "None was drawn or judged yet: haven linkage sample, then haven linkage review."
    )
    headers = ("step", "agreement", "judged", "one person, %")
    return Section("judged", "A sample judged by reviewers", True, headers, rows, about)


def _signs(measured: Measured) -> Section:
    rows = [[one.what, shown_count(one.of), percent(one.shown, one.of)] for one in measured.signs]
    about = (
        "What cannot be, or hardly, if each person is one person. Some of it is wrong recording: a bound, and a sign"
        " when it changes from one run to the next."
    )
    return Section("implausible", "What cannot be", True, ("sign", "people", "of them, %"), rows, about)


def _thresholds(measured: Measured) -> Section:
    bounds, limits = Bounds(), range(4, 21, 2)
    above = {limit: measured.weights.above(limit) for limit in limits}
    about = (
        "How many of those that the model weighed would be joined if it joined from another weight;"
        f" {bounds.accept:g} is in force, and from {bounds.ask:g} on people are asked."
    )
    return Section(
        "thresholds",
        "If the model joined from another weight",
        False,
        ("from weight", "joined"),
        [[str(limit), shown_count(n)] for limit, n in above.items()],
        about,
        (
            [str(limit) for limit in limits if above[limit] >= SMALLEST_SHOWN],
            [float(5 * ((n + 2) // 5)) for n in above.values() if n >= SMALLEST_SHOWN],
            "joined",
        ),
    )


def _rates(rates: list[MatchRate]) -> list[Section]:
    """One section for each table, and one for each table's organisations and areas."""
    made = []
    for table in dict.fromkeys(rate.table for rate in rates):
        for of_few in (False, True):
            chosen = [rate for rate in rates if rate.table == table and (rate.by in OF_FEW) == of_few]
            if not chosen:
                continue
            shares = [(f"{one.by}: {one.group}", said(one.matched, one.rows)) for one in chosen]
            plotted = [(label, share) for label, share in shares if share is not None]
            made.append(
                Section(
                    f"match_rates_of_{table}" + ("_by_organisation" if of_few else ""),
                    f"Match rate of {table}" + (" by organisation and area" if of_few else ""),
                    not of_few,
                    ("by", "group", "rows", "matched, %"),
                    [[one.by, one.group, shown_count(one.rows), percent(one.matched, one.rows)] for one in chosen],
                    "The share of rows whose person was found in another dataset too, with a 95 % interval"
                    f" (the {MOST_GROUPS} largest groups of each kind).",
                    ([label for label, _ in plotted], [share for _, share in plotted], "matched, %"),
                )
            )
    return made


def _write(path: Path, text: str) -> None:
    draft = path.with_suffix(path.suffix + ".part")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
