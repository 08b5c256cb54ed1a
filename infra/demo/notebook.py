"""What does the researcher's notebook hold? The demo's cells: look, ask, be refused, make a table, submit it."""

from __future__ import annotations

from pathlib import Path

import nbformat

TABLE_FILE = "admissions_by_age.csv"

CELLS: tuple[tuple[str, str], ...] = (
    ("tables", "import haven\nfor table in haven.tables():\n    print(table)"),
    (
        "count",
        "by_year = haven.sql('''\n"
        "    select extract(year from admidate) as year, count(distinct pseudonym) as people\n"
        "    from hospital_episodes group by year order by year\n"
        "''', frame='pandas')\n"
        "by_year.tail(5)",
    ),
    (
        "refused_table",
        "try:\n    haven.sql('select * from deaths')\nexcept haven.Refused as refused:\n    print('refused:', refused)",
    ),
    (
        "refused_file",
        "try:\n"
        "    haven.sql(\"select * from read_csv('/etc/passwd')\")\n"
        "except haven.Refused as refused:\n"
        "    print('refused:', refused)",
    ),
    (
        "table",
        "table = haven.sql('''\n"
        "    with diabetes as (select distinct pseudonym from gp_events where code = '44054006'),\n"
        "    person as (\n"
        "        select p.pseudonym, 10 * (cast((2026 - p.year_of_birth) as integer) // 10) as age_band,\n"
        "               d.pseudonym is not null as has_diabetes\n"
        "        from gp_patients p left join diabetes d using (pseudonym)),\n"
        "    admitted as (select distinct pseudonym from hospital_episodes)\n"
        "    select age_band, has_diabetes, count(distinct person.pseudonym) as people,\n"
        "           count(distinct admitted.pseudonym) as admitted\n"
        "    from person left join admitted using (pseudonym)\n"
        "    group by all order by all\n"
        "''', frame='pandas')\n"
        "table",
    ),
    (
        "socket",
        "import socket\n"
        "try:\n"
        "    socket.create_connection(('127.0.0.1', 80), timeout=2)\n"
        "    print('CONNECTED')\n"
        "except OSError as error:\n"
        "    print('no way out:', type(error).__name__)",
    ),
)


def write_notebook(path: Path) -> Path:
    """Write the demo's notebook; each cell carries its name as metadata."""
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(source, metadata={"name": name}) for name, source in CELLS]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path
