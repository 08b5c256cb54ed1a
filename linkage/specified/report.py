"""The evaluation as one page: figures, the curve as plot and table, blocking, errors by kind."""

from __future__ import annotations

from pathlib import Path

from audit.reports import Report, figure_svg
from linkage.specified.service import Evaluation
from linkage.specified.specification import Specification


def write_page(found: Evaluation, specification: Specification, path: Path) -> Path:
    """Write the page at `path`."""
    figures = found.as_dict()
    page = Report("How well a specification links", f"{specification.title} · {specification.digest[:12]}")
    rows = [[name, f"{figures[name]:.4f}", "{:.4f} to {:.4f}".format(*figures[f"{name}_95"])] for name in NAMES]
    page.table("Pairs: precision, recall and F1", ["figure", "value", "95 % interval"], rows)
    page.note(f"Threshold: weight {found.threshold:g}, from the specification; the truth was used to measure only.")
    page.heading("The curve over thresholds")
    page.figure("Precision, recall and F1 by threshold", _plot(found))
    heads = ["threshold", "precision", "recall", "F1", "pairs found"]
    keys = ("threshold", "precision", "recall", "f1", "found_pairs")
    page.table("The same in numbers", heads, [[point[key] for key in keys] for point in found.curve])
    page.heading("What was compared")
    page.text(
        f"{figures['candidate_pairs']:,} pairs of {' and '.join(f'{n:,}' for n in found.records)} records;"
        f" blocking lost {found.lost_by_blocking:,} true pairs; {figures['seconds']} seconds."
    )
    blocking = [[" + ".join(rule), pairs] for rule, pairs in found.linked.blocking.rules.items()]
    page.table("Blocking rules", ["agreement on", "pairs"], blocking)
    page.heading("Errors by kind")
    errors = figures["errors"]
    page.text(
        f"Missed: {errors['missed_not_compared']:,} never compared, {errors['missed_below_threshold']:,} below the"
        f" threshold. Wrong above the threshold: {errors['wrong_above_threshold']:,}. Before joining."
    )
    words = ("alike", "nearly", "different", "unknown")
    for kind in ("missed", "wrong"):
        by_column = errors[f"{kind}_by_column"]
        if by_column:
            rows = [[column, *(counts[word] for word in words)] for column, counts in by_column.items()]
            page.table(f"Pairs that are {kind}, by column", ["column", *words], rows)
    return page.write(path)


NAMES = ("precision", "recall", "f1")


def _plot(found: Evaluation) -> str:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.add_subplot()
    thresholds = [point["threshold"] for point in found.curve]
    for name, colour, line in zip(NAMES, ("#005eb8", "#007f3b", "#212b32"), ("-", "--", ":"), strict=True):
        axes.plot(thresholds, [point[name] for point in found.curve], color=colour, linestyle=line, label=name)
    axes.axvline(found.threshold, color="#768692", linewidth=1)
    axes.set_xlabel("threshold: weight (log2 of the odds)")
    axes.set_ylim(0, 1.02)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="lower left")
    return figure_svg(figure)
