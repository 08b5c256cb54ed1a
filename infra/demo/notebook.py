"""What does the researcher's notebook hold? The demo's cells: look, ask, be refused, make a table, submit it."""

from __future__ import annotations

from pathlib import Path

import nbformat

TABLE_NAME = "admitted_by_age_and_sex.csv"
CONTEXT = {
    "title": "People with type 2 diabetes who were admitted, by age and sex",
    "purpose": "To plan diabetes specialist nurses for people who are admitted to hospital.",
    "description": "How many people with type 2 diabetes were in hospital, by ten-year age band and sex.",
    "population": "People with a coded diagnosis of type 2 diabetes and at least one admission in the deliveries.",
    "columns": {
        "age_band": "Age in 2026, in bands of ten years",
        "sex": "Sex as the practice records it",
        "people": "Distinct people admitted at least once, rounded to 5, under 10 hidden",
    },
    "count_column": "people",
}
COUNTS = """
    select 10 * ((2026 - p.year_of_birth) // 10) as age_band, p.sex, count(distinct p.pseudonym) as people
    from gp_patients p
    join hospital_episodes h using (pseudonym)
    where p.sex in ('F', 'M') and p.year_of_birth is not null
    group by all order by all
"""
CELLS: tuple[tuple[str, str], ...] = (
    ("tables", "import haven\nhaven.tables()"),
    (
        "count",
        "by_year = haven.sql('''\n"
        "    select year(admidate) as year, count(distinct pseudonym) as people\n"
        "    from hospital_episodes group by year order by year\n"
        "''', frame='pandas')\n"
        "by_year.tail(5)",
    ),
    (
        "table_not_approved",
        "try:\n    haven.sql('select * from deaths')\n    print('ALLOWED')\n"
        "except haven.Refused as refused:\n    print('refused:', refused)",
    ),
    (
        "people_outside",
        "haven.sql('''\n"
        "    select count(*) as rows_outside from gp_patients\n"
        "    where pseudonym not in (select pseudonym from gp_events where code = '44054006')\n"
        "''', frame='pandas')['rows_outside'][0]",
    ),
    (
        "raw_file",
        "try:\n    haven.sql(\"select * from read_csv('/etc/passwd')\")\n    print('ALLOWED')\n"
        "except haven.Refused as refused:\n    print('refused:', refused)",
    ),
    (
        "table",
        f"counts = haven.sql('''{COUNTS}''', frame='pandas')\ncounts.head(12)",
    ),
    (
        "submit_raw",
        f"context = {CONTEXT!r}\nhaven.submit(counts, name='{TABLE_NAME}', context=context)",
    ),
    (
        "submit",
        "shown = counts.assign(people=[\n"
        "    '*' if n < 10 else str(5 * ((int(n) + 2) // 5)) for n in counts['people']])\n"
        f"submission = haven.submit(shown, name='{TABLE_NAME}', context=context)\n"
        "submission",
    ),
    (
        "other_door",
        "import os\n"
        "question = 'select count(*) as n from gp_patients where year_of_birth >= ?'\n"
        "over_http = haven.sql(question, [1950])['n'][0].as_py()\n"
        "if 'HAVEN_FLIGHT' in os.environ:\n"
        "    from adbc_driver_flightsql import dbapi\n"
        "    with dbapi.connect(os.environ['HAVEN_FLIGHT'], autocommit=True) as connection:\n"
        "        with connection.cursor() as cursor:\n"
        "            cursor.execute(question, (1950,))\n"
        "            same = cursor.fetchone() == (over_http,)\n"
        "    print('the same over Flight SQL' if same else 'ANOTHER NUMBER over Flight SQL')\n"
        "else:\n    print('no Flight SQL door here')",
    ),
    (
        "socket",
        "import socket\n"
        "try:\n    socket.create_connection(('127.0.0.1', 80), timeout=2)\n    print('CONNECTED')\n"
        "except OSError as error:\n    print('no way out:', type(error).__name__)",
    ),
)
SHOWN = ("tables", "count", "table", "submit_raw", "submit")


def write_notebook(path: Path) -> Path:
    """Write the demo's notebook."""
    notebook = nbformat.v4.new_notebook()  # type: ignore[no-untyped-call]
    notebook.cells = [nbformat.v4.new_code_cell(source) for _, source in CELLS]  # type: ignore[no-untyped-call]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)  # type: ignore[no-untyped-call]
    return path
