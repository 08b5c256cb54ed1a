"""The agent alone, from its wheel in its own environment: what it needs, what it says, and what it never says."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import polars as pl
import pytest

from linkage.sealed.composites import sealed_tokens
from linkage.standardise.specification import IDENTITY, STANDARD, VERSION
from tests.fakes.agent import (
    CONTRACTS,
    KEY,
    RECIPIENT,
    ROOT,
    Controller,
    agent,
    in_agent,
)
from tests.fakes.deliveries import CANARY, as_csv, patients

VECTORS = ROOT / "linkage" / "standardise" / "vectors.json"
OURS = ("audit", "access", "linkage", "environments", "flows", "infra")


def test_the_agent_needs_no_haven() -> None:
    """Every module of the wheel imports where none of the haven's packages is."""
    found = in_agent(
        "import json, pkgutil, importlib, importlib.util, sys, haven_controller\n"
        "names = [m.name for m in pkgutil.walk_packages(haven_controller.__path__, 'haven_controller.')]\n"
        "[importlib.import_module(name) for name in names]\n"
        f"ours = [name for name in {OURS!r} if importlib.util.find_spec(name) or name in sys.modules]\n"
        "print(json.dumps([len(names), ours]))"
    )
    assert found[0] > 25
    assert found[1] == []


SPECIAL = {"references", "test_range", "today"}
"""Vectors that tell of tables, or of another day: an agent has neither."""


def test_the_installed_rules_give_the_vectors_answers() -> None:
    """Every vector of the specification, through the agent as installed; its own copy is of this version."""
    found = in_agent(
        "import json, polars as pl\n"
        "from pathlib import Path\n"
        "import haven_controller\n"
        "from haven_controller.rules.linkage.standardise import specification as s\n"
        "data = json.loads((Path(s.__file__).parent / 'vectors.json').read_text(encoding='utf-8'))\n"
        f"told = [v for v in data['vectors'] if not {SPECIAL!r} & set(v)]\n"
        "rows = [{n: v['in'].get(n) for n in s.IDENTITY} for v in told]\n"
        "frame = pl.DataFrame(rows, schema=dict.fromkeys(s.IDENTITY, pl.String))\n"
        "print(json.dumps([s.VERSION, s.standardise(frame, test_range=data['test_range']).rows(named=True)]))"
    )
    vectors = [one for one in json.loads(VECTORS.read_text(encoding="utf-8"))["vectors"] if not SPECIAL & set(one)]
    assert found[0] == VERSION
    assert len(found[1]) == len(vectors) > 150
    for vector, row in zip(vectors, found[1], strict=True):
        for name in set(vector["out"]) & set(STANDARD):
            assert row[name] == vector["out"][name], vector["rule"]
        assert set(row) == set(STANDARD)


def test_both_sides_make_the_same_tokens() -> None:
    """Byte for byte: the installed agent and the haven, of the same people under the same round's key."""
    vectors = json.loads(VECTORS.read_text(encoding="utf-8"))["vectors"]
    rows = [{name: vector["in"].get(name) for name in IDENTITY} for vector in vectors]
    rows += [
        {**dict.fromkeys(IDENTITY), "nhs_number": "9990000018", "surname": f"Name{place}", "forenames": "Zoë",
         "sex": "F", "date_of_birth": "1971-12-24", "postcode": "LS1 2AB"} for place in range(50)
    ]  # fmt: skip
    theirs = in_agent(
        "import json, polars as pl\n"
        "from haven_controller.rules.access.keys.model import HeldKey\n"
        "from haven_controller.rules.linkage.sealed.composites import sealed_tokens\n"
        f"key = HeldKey('token/r1', 1, bytes(range(32)), '')\n"
        f"rows = json.loads({json.dumps(json.dumps(rows))})\n"
        f"frame = pl.DataFrame(rows, schema=dict.fromkeys({IDENTITY!r}, pl.String))\n"
        "print(json.dumps(sealed_tokens(frame, key, test_range=True).rows()))"
    )
    frame = pl.DataFrame(rows, schema=dict.fromkeys(IDENTITY, pl.String))
    ours = sealed_tokens(frame, KEY, test_range=True).rows()
    assert [tuple(row) for row in theirs] == ours
    assert sum(token is not None for row in ours for token in row) > 400


@pytest.mark.parametrize("command", ["key-new", "pin", "check", "show", "pack"])
def test_help_teaches(command: str) -> None:
    """Each command's help has an example of itself, and the whole one is run from its first line to its last."""
    done = agent(command, "--help")
    assert done.returncode == 0
    assert f"example: haven-controller {command} " in done.stdout
    assert "haven-controller key-new" in agent("--help").stdout


def test_check_and_show_tell_counts_and_no_value(desk: Controller) -> None:
    """Rows and column names are told; nothing that a row holds is, and nothing is written."""
    before = sorted(desk.desk.rglob("*"))
    for command in ("check", "show"):
        done = agent(command, desk.desk / "outgoing", "--contract", CONTRACTS / "gp.yaml", cwd=desk.desk)
        assert done.returncode == 0, done.stderr
        assert "40" in done.stdout
        assert CANARY not in (done.stdout + done.stderr).lower()
    assert sorted(desk.desk.rglob("*")) == before


def test_the_list_of_bad_rows_writes_over_nothing(desk: Controller) -> None:
    """The name of a file that is there, as of the data themselves, is refused, and the file stays as it was."""
    data = desk.desk / "outgoing" / "patients.csv"
    before = data.read_bytes()
    done = agent("check", desk.desk / "outgoing", "--contract", CONTRACTS / "gp.yaml", "--quarantine", data)
    assert done.returncode != 0
    assert "--quarantine" in done.stderr
    assert data.read_bytes() == before


def test_show_tells_of_bloom_filters(desk: Controller) -> None:
    """With --bloom they stand among what would leave; without it they do not leave."""
    command = ("show", desk.desk / "outgoing", "--contract", CONTRACTS / "gp.yaml", "--json")
    with_them, without = agent(*command, "--bloom"), agent(*command)
    assert with_them.returncode == without.returncode == 0, with_them.stderr
    assert "Bloom filter of surname" in with_them.stdout
    assert "Bloom" not in without.stdout


def test_bad_rows_stay_and_are_listed_without_a_value(desk: Controller, tmp_path: Path) -> None:
    """A few bad rows: the rest is packed, and the list has file, row and reasons."""
    rows = patients()
    rows[3][5], rows[7][4] = "31/02/1950", "X"
    (desk.desk / "outgoing" / "patients.csv").write_bytes(as_csv(rows).encode())
    aside = tmp_path / "aside.csv"
    done = desk.try_to_pack(
        desk.desk / "outgoing", CONTRACTS / "gp.yaml", RECIPIENT, "few", "--quarantine", aside, "--json"
    )
    assert done.returncode == 0, done.stderr
    manifest = json.loads(done.stdout)
    counts = {file["name"]: file["rows"] for file in manifest["files"]}
    assert counts == {
        "tokens-gp_patients.parquet": 38,
        "payload-gp_patients.parquet": 38,
        "payload-gp_events.parquet": 76,
    }
    assert manifest["set_aside"] == {"date.unreadable": 1, "join.parent_quarantined": 4, "value.not_allowed": 1}
    listed = list(csv.DictReader(aside.read_text(encoding="utf-8").splitlines()))
    assert {(row["file"], row["row"]) for row in listed if row["file"] == "patients.csv"} == {
        ("patients.csv", "3"), ("patients.csv", "7")}  # fmt: skip
    assert CANARY not in aside.read_text(encoding="utf-8").lower()


def test_above_the_tolerance_nothing_is_packed(desk: Controller) -> None:
    """Too many bad rows: refused with the commonest reason, and no file is left."""
    rows = patients()
    for row in rows[1:20]:
        row[5] = "1950-02-03"
    (desk.desk / "outgoing" / "patients.csv").write_bytes(as_csv(rows).encode())
    done = desk.try_to_pack(desk.desk / "outgoing", CONTRACTS / "gp.yaml", RECIPIENT, "many")
    assert done.returncode == 65
    assert "47.5% of the rows are bad" in done.stderr
    assert "another form" in done.stderr
    assert not list(desk.desk.glob("*many*")) + list(desk.desk.glob(".haven-controller-*"))


def test_a_bad_recipient_name_and_period_are_told(desk: Controller) -> None:
    """What is typed wrong on the command line is named."""
    folder, contract = desk.desk / "outgoing", CONTRACTS / "gp.yaml"
    assert "no age public key" in desk.try_to_pack(folder, contract, "age1xyz", "a").stderr
    assert "name" in desk.try_to_pack(folder, contract, RECIPIENT, "no good").stderr
    assert "2026-04-01" in desk.try_to_pack(folder, contract, RECIPIENT, "b", "--period", "2026").stderr


def test_bloom_filters_leave_under_an_agreement_only(desk: Controller) -> None:
    """The warning is told each time; without a reference it ends there, with one the manifest names it."""
    folder, contract = desk.desk / "outgoing", CONTRACTS / "gp.yaml"
    refused = desk.try_to_pack(folder, contract, RECIPIENT, "d", "--bloom")
    assert refused.returncode == 64
    assert "under an agreement only" in refused.stderr
    assert not (desk.desk / "d.age").exists()
    done = desk.try_to_pack(folder, contract, RECIPIENT, "d", "--bloom", "--agreed", "DSA-2026-7", "--json")
    assert json.loads(done.stdout)["bloom_agreed"] == "DSA-2026-7"
    assert [one.stderr.count("re-identified by pattern attacks") for one in (refused, done)] == [1, 1]


def test_the_agent_spills_what_exceeds_its_memory(desk: Controller) -> None:
    """With a tiny memory its work file goes to disk, encrypted, and no extension is fetched for it."""
    (desk.desk / "empty").mkdir()
    found = in_agent(
        "import json, pathlib\n"
        "import haven_controller.checking as checking\n"
        "checking._files = lambda *_: []\n"
        "from haven_controller.rules.linkage.contracts.contract import load_contract\n"
        f"contract = load_contract(pathlib.Path({str(CONTRACTS / 'deaths.yaml')!r}))\n"
        f"folder = pathlib.Path({str(desk.desk)!r})\n"
        "with checking.checked(folder / 'empty', contract, lambda *_: None, folder) as delivery:\n"
        "    run = lambda query: delivery.connection.execute(query).fetchall()\n"
        "    run(\"SET memory_limit = '20MB'\")\n"
        "    run('SET threads = 1')\n"
        "    run('CREATE TEMP TABLE much AS SELECT range AS a, md5(range::TEXT) AS b FROM range(1500000)')\n"
        "    spilled = run('SELECT sum(size) > 0 FROM duckdb_temporary_files()')[0][0]\n"
        "    fetches = run(\"SELECT current_setting('autoinstall_known_extensions')\")[0][0]\n"
        "    sealed = run(\"SELECT current_setting('temp_file_encryption')\")[0][0]\n"
        "print(json.dumps([spilled, fetches, sealed]))\n"
    )
    assert found == [True, False, True]


def test_a_fault_while_sealing_leaves_nothing(tmp_path: Path) -> None:
    """Half of a sealed delivery is removed, and what was there under its name stays."""
    (tmp_path / "one.age").write_bytes(b"before")
    said = in_agent(
        "import json, pyrage\n"
        "from pathlib import Path\n"
        "from haven_controller import packing\n"
        "def broken(source, target, recipients):\n"
        "    target.write(b'half')\n"
        "    raise OSError('full')\n"
        "pyrage.encrypt_io = broken\n"
        "try:\n"
        f"    packing._seal([], pyrage.x25519.Identity.generate().to_public(), Path({str(tmp_path / 'one.age')!r}))\n"
        "    print(json.dumps('sealed'))\n"
        "except OSError as error:\n"
        "    print(json.dumps(str(error)))\n"
    )
    assert said == "full"
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("one.age", b"before")]
