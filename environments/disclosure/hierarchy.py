"""Which codes of a column contain which? A hierarchy as parent and child, of any depth, unequal ones too.

A parent is the sum of its children in every crossing with the other columns; the code above all others, if there is
one, is a total.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from environments.disclosure.errors import TableUnfit
from environments.disclosure.tables import read_table

MOST_CODES = 100_000


def read_hierarchy(content: bytes, column: str) -> dict[str, str]:
    """Each child's parent, from a CSV with the columns parent and child. Raises TableUnfit."""
    table = read_table(content, most_rows=MOST_CODES)
    where = f"hierarchy of {column}"
    if not {"parent", "child"} <= set(table.columns):
        raise TableUnfit(
            "A hierarchy has the columns 'parent' and 'child'.", where=where, mend="Name them in its first line."
        )
    parents: dict[str, str] = {}
    for child, parent in table.select("child", "parent").iter_rows():
        if not child:
            raise TableUnfit("A line names no child.", where=where, mend="Name the code, or take the line out.")
        if not parent:
            continue
        if parents.setdefault(child, parent) != parent:
            raise TableUnfit(
                f"The code '{child}' has two parents.", where=where, mend="Each code belongs to one: mend the file."
            )
    check_hierarchy(parents, column)
    return parents


def check_hierarchy(parents: Mapping[str, str], column: str) -> None:
    """No code is above itself. Raises TableUnfit."""
    for code in parents:
        if code in ancestors(parents, code):
            raise TableUnfit(
                f"The code '{code}' is above itself.", where=f"hierarchy of {column}", mend="Take out the circle."
            )


def ancestors(parents: Mapping[str, str], code: str) -> list[str]:
    """The codes above this one, from the nearest on; with a circle, as far as it closes."""
    found: list[str] = []
    while code in parents:
        code = parents[code]
        found.append(code)
        if found.count(code) > 1:
            break
    return found


def levels(parents: Mapping[str, str], present: Collection[str], column: str) -> Iterator[tuple[str | None, list[str]]]:
    """Each parent in the table with its children, `None` first for those that no parent in the table holds.

    A code between that the table leaves out gives way to its own children; a code without any in the table is a child
    all the same: absent, and told by its parent. Raises TableUnfit for a code that the hierarchy does not know.
    """
    children: dict[str, list[str]] = {}
    for child, parent in parents.items():
        children.setdefault(parent, []).append(child)
    known = {*parents, *children}
    shown = {code for code in present if code}
    if strange := sorted(shown - known):
        raise TableUnfit(
            f"The code '{strange[0]}' of column '{column}' is not in its hierarchy.",
            where=f"hierarchy of {column}",
            mend="Add its line to the hierarchy, with its parent; name a total code with --total.",
        )
    held = shown | {above for code in shown for above in ancestors(parents, code)}  # has something in the table

    def below(code: str) -> list[str]:
        return [one for child in children.get(code, ()) for one in ([child] if child in shown or child not in held
                                                                    else below(child))]  # fmt: skip

    roots = sorted(known - parents.keys())
    if len(roots) == 1:
        top = below(roots[0])
    else:
        top = [one for root in roots for one in ([root] if root in shown or root not in held else below(root))]
    nowhere = [code for code in present if not code]
    yield None, [*top, *nowhere]
    for parent in sorted(shown):
        if parent in children and parent not in roots[: len(roots) == 1]:
            yield parent, below(parent)
