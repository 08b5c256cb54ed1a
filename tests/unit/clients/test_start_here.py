"""The notebook that each workspace begins with: sound, without outputs, and run to its end though a cell is refused."""

from __future__ import annotations

from pathlib import Path

import nbformat

NOTEBOOK = Path(__file__).resolve().parents[3] / "clients" / "haven-hub" / "jupyter" / "start-here.ipynb"


def test_it_runs_on_after_the_cell_that_is_refused() -> None:
    """Lab stops at the first error, unless the cell says that it raises one."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    raising = [cell.source for cell in code if "raises-exception" in cell.metadata.get("tags", [])]
    assert raising == ['haven.sql("select * from somebody_elses_table")']
