"""R in a workspace: a real kernel of R's over the real hub asks the real gateway, and is held as Python is."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from audit.events import EventName
from environments.workspaces.client import HubClient, Kernel, _execute, _request
from tests.fakes.probes.kernel import PROBES
from tests.fakes.probes.table import STOPPED, outcomes, program
from tests.fakes.standing_gateway import DoorsElsewhere, standing_gateway
from tests.fakes.waiting import becomes
from tests.fakes.workspaces import WorkplaceForTests, clients_folder, environments_folder, workplace
from tests.integration.workspaces.host import things_of

pytestmark = pytest.mark.needs_r

ASHA, OTHER = ("asha", "admissions"), ("bo", "asthma")
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def doors() -> Iterator[DoorsElsewhere]:
    """A gateway over a live, published project."""
    with standing_gateway() as stands:
        yield stands


@pytest.fixture(scope="module")
def place(doors: DoorsElsewhere) -> Iterator[WorkplaceForTests]:
    """A hub whose workspaces have that gateway's doors."""
    with workplace(environments_folder(), clients_folder(), real_doors=doors) as stands:
        stands.approvals.approved.update({ASHA, OTHER})
        yield stands


@pytest.fixture(scope="module")
def hub(place: WorkplaceForTests) -> Iterator[HubClient]:
    """Asha's workspace is open; another project's was, and holds a file."""
    with place.workspaces.enter(*OTHER) as other:
        assert other.run_cells(*OTHER, ["open('/home/researcher/mine', 'w').write('x')"])[0].error is None
    with place.workspaces.enter(*ASHA) as hub:
        yield hub


@pytest.fixture(scope="module")
def r(hub: HubClient) -> Iterator[Kernel]:
    """A kernel of R's."""
    with hub.kernel(*ASHA, name="ir") as kernel:
        yield kernel


def _said(kernel: Kernel, source: str) -> str:
    outcome = kernel.run(source)
    assert outcome.error is None, outcome.text
    return outcome.text.strip()


def _asked(kernel: Kernel, request: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    kernel.channel.send(json.dumps(request))
    return _answers(kernel, request)


def _answers(kernel: Kernel, request: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """All that answers the request: its reply and what is shown come on two channels, in either order."""
    answers: list[tuple[str, dict[str, Any]]] = []
    while not {"idle", "reply"} <= {
        str(said.get("execution_state", kind.rpartition("_")[2])) for kind, said in answers
    }:
        message = json.loads(kernel.channel.recv(timeout=400))
        if message["parent_header"].get("msg_id") == request["header"]["msg_id"]:
            answers.append((message["msg_type"], message["content"]))
    return answers


def test_the_tables_and_a_query_with_parameters(r: Kernel) -> None:
    """The project's columns with their types, and a result as a data.frame."""
    assert "gp_events event_date DATE" in _said(r, "cat(do.call(paste, haven_tables()), sep = '\\n')")
    counted = (
        "people <- haven_sql('select code, count(*) as n, min(event_date) as first from gp_events"
        " where event_date >= ? and code = ? group by code', list(as.Date('2026-01-01'), '44054006'))\n"
        "cat(class(people), nrow(people), people$code, people$n, format(people$first), class(people$first))"
    )
    assert _said(r, counted) == "data.frame 1 44054006 200 2026-02-01 Date"
    named = "cat(haven_sql('select count(*) as n from gp_events where code = $code', c(code = '44054006'))$n)"
    assert _said(r, named) == "200"


def test_values_arrive_as_r_holds_them(r: Kernel) -> None:
    """Whole numbers, large ones, truth, dates, times, texts; what is missing is missing, and not NaN."""
    ask = """
one <- haven_sql("
  select 5::integer as i, 5::bigint as b, 9007199254740993::bigint as large, true as yes, 0.5::double as half,
         1.25::decimal(5, 2) as price, date '2024-02-29' as day, timestamp '2024-02-29 12:30:00.25' as at,
         'caf\u00e9 \u6771' as said, [1, 2] as several, pseudonym
  from gp_events limit 1")
none <- haven_sql("
  select null::integer as i, null::bigint as b, null::boolean as yes, null::double as half, null::date as day,
         null::timestamp as at, null::varchar as said
  from gp_events limit 2")
cat(sapply(one, function(column) class(column)[1]), '\\n')
cat(one$i, one$b, one$large, one$yes, one$half, one$price, format(one$day), format(one$at, '%H:%M:%OS2'), '\\n')
cat(one$said == 'caf\u00e9 \u6771', one$several, nchar(one$pseudonym), attr(one$at, 'tzone'), '\\n')
cat(sapply(none, function(column) class(column)[1]), '\\n')
cat(all(is.na(none)), any(is.nan(none$half)), nrow(none), ncol(none))
"""
    lines = [line.strip() for line in _said(r, ask).splitlines()]
    kinds, values, texts, kinds_of_none, missing = lines[-5:]
    assert any("'large'" in line for line in lines[:-5])  # the warning: it came as text
    assert kinds == ("integer numeric character logical numeric numeric Date POSIXct character character character")
    assert values == "5 5 9007199254740993 TRUE 0.5 1.25 2024-02-29 12:30:00.25"
    assert texts == "TRUE [1, 2] 36 UTC"
    assert kinds_of_none == "integer numeric logical numeric Date POSIXct character"
    assert missing == "TRUE FALSE 2 7"


def test_no_rows_is_a_frame_without_rows(r: Kernel) -> None:
    """Columns and kinds stand also where nothing was found."""
    ask = "none <- haven_sql(\"select code, event_date from gp_events where code = 'x'\")\n"
    assert _said(r, ask + "cat(nrow(none), names(none), class(none$event_date))") == "0 code event_date Date"


def test_a_refusal_is_a_condition_with_its_reason(r: Kernel) -> None:
    """Rule, reason and what to do; without a handler the cell ends with them."""
    caught = (
        "no <- tryCatch(haven_sql('select * from somebody_elses_table'), haven_refused = function(no) no)\n"
        "cat(no$code, nchar(no$reason) > 20, nchar(no$mend) > 10, inherits(no, 'haven_error'))"
    )
    code, *rest = _said(r, caught).split()
    assert code.startswith("gate.")
    assert rest == ["TRUE"] * 3
    stopped = r.run("haven_sql('select * from somebody_elses_table')")
    assert stopped.error is not None
    assert f"[{code}]" in stopped.text
    assert "What to do:" in stopped.text
    assert _said(r, "cat(haven_why('query'))") == "Yes."


def test_the_airlock_is_asked(r: Kernel) -> None:
    """What this gateway has no airlock for is told as the client tells it, and no file is left."""
    ask = (
        "told <- tryCatch(haven_submit(data.frame(n = 1), 'n.csv', list(purpose = 'x')), haven_error = function(e) e)\n"
        "cat(class(told)[1], length(list.files(tempdir(), pattern = 'csv$|^ask-')))"
    )
    assert _said(r, ask).endswith(" 0")


@pytest.mark.parametrize(
    "draw",
    [
        "plot(1:10, main = 'caf\u00e9')",
        "library(ggplot2)\nprint(ggplot(data.frame(x = 1:3, y = 3:1), aes(x, y)) + geom_col() + ggtitle('n'))",
    ],
    ids=["base", "ggplot2"],
)
def test_a_plot_is_shown(r: Kernel, draw: str) -> None:
    """As a picture that has something on it."""
    answers = _asked(r, _execute(uuid.uuid4().hex, draw))
    assert not [content for kind, content in answers if kind == "error"]
    (picture,) = [content["data"]["image/png"] for kind, content in answers if kind == "display_data"]
    shown = base64.b64decode(picture)
    assert shown.startswith(PNG)
    assert len(shown) > 2_000


def test_the_usual_analyses_are_there(r: Kernel) -> None:
    """A survival model over dplyr's frame, and forked workers."""
    ask = """
suppressPackageStartupMessages({library(dplyr); library(survival)})
lung <- survival::lung %>% filter(!is.na(age)) %>% mutate(old = age > 60)
cat(round(coef(coxph(Surv(time, status) ~ old, lung)), 2), unlist(parallel::mclapply(1:3, function(i) i * i)))
"""
    assert _said(r, ask).endswith("1 4 9")


def test_its_libraries_are_the_systems_and_read_only(r: Kernel) -> None:
    """Nothing of the home, nothing that can be written."""
    places = _said(r, "cat(.libPaths(), sep = '\\n')").splitlines()
    assert places
    assert all(place.startswith("/usr/") for place in places)
    tried = "cat(file.access(.libPaths(), 2), suppressWarnings(file.create(file.path(.libPaths()[1], 'x'))))"
    assert _said(r, tried) == " ".join(["-1"] * len(places) + ["FALSE"])


def test_what_lies_in_a_home_does_not_run_when_r_starts_or_asks(hub: HubClient) -> None:
    """Profiles, environments, a saved session, modules by the names of those that the question imports."""
    plant = """
import subprocess
from pathlib import Path
home = Path.home()
mark = "cat('x', file = '/home/researcher/ran', append = TRUE)\\n"
(home / ".Rprofile").write_text(mark)
(home / ".Renviron").write_text("PLANTED=yes\\nR_DEFAULT_PACKAGES=NULL\\n")
for name in ("haven", "json", "pyarrow", "numpy", "sitecustomize"):
    (home / f"{name}.py").write_text("open('/home/researcher/ran', 'a').write('x')\\n")
subprocess.run(["R", "--no-echo", "-e", "saved <- 1; save.image('/home/researcher/.RData')"], check=True)
"""
    assert hub.run_cells(*ASHA, [plant])[0].error is None
    try:
        with hub.kernel(*ASHA, name="ir") as kernel:
            asked = (
                "n <- haven_sql('select count(*) as n from gp_events')$n\n"
                "system('Rscript -e 1')\n"
                "cat(n, file.exists('/home/researcher/ran'), Sys.getenv('PLANTED') == '', exists('saved'))"
            )
            assert _said(kernel, asked).endswith("200 FALSE TRUE FALSE")
            assert _said(kernel, "source('~/.Rprofile')\ncat(file.exists('/home/researcher/ran'))") == "TRUE"
    finally:
        planted = "('ran', '.Rprofile', '.Renviron', '.RData', *glob.glob('*.py'))"
        cleared = f"import glob, os\nfor one in {planted}:\n    if os.path.exists(one): os.remove(one)"
        assert hub.run_cells(*ASHA, [cleared])[0].error is None


def test_cells_are_recorded_and_nothing_else_runs(r: Kernel, place: WorkplaceForTests) -> None:
    """A cell's digest is in the log; to look at a name, or to complete it, evaluates no call."""
    text = "x <- 41 + 1"
    assert r.run(text).error is None
    event = [one for one in place.log.events if one.name is EventName.CELL_EXECUTED][-1]
    assert event.details["cell_digest"] == hashlib.sha256(text.encode()).hexdigest()
    for hidden in ('"assign(rawToChar(as.raw(104)),1)', "assign(rawToChar(as.raw(104)),1)", '"x <- 0', "x <- 0"):
        for kind in ("inspect_request", "complete_request", "is_complete_request"):
            for cursor in (len(hidden), 1):
                content = {"code": hidden, "cursor_pos": cursor, "detail_level": 0}
                _asked(r, _request(uuid.uuid4().hex, kind, content))
    assert _said(r, "cat(exists('h'), x)") == "FALSE 42"
    looked = dict(_asked(r, _request(uuid.uuid4().hex, "inspect_request", {"code": "print(mean", "cursor_pos": 8})))
    assert looked["inspect_reply"]["found"]
    assert "mean(x, trim" in looked["inspect_reply"]["data"]["text/plain"]


REACHES = {
    "socket": "socketConnection('127.0.0.1', {tcp}, blocking = TRUE, timeout = 5)",
    "address": "socketConnection('localhost', {tcp}, blocking = TRUE, timeout = 5)",
    "server": "serverSocket(0L)",
    "download": "stopifnot(utils::download.file('file://{secret}', tempfile(), quiet = TRUE) == 0)",
    "secret": "stopifnot(nchar(readLines('{secret}', warn = FALSE)) > 0)",
    "another's file": "stopifnot(readLines('{others file}', warn = FALSE) == 'x')",
    "the haven": "stopifnot(length(list.files('{haven}')) > 0)",
    "a program's reading": "stopifnot(system('cat {secret}', ignore.stdout = TRUE, ignore.stderr = TRUE) == 0)",
    "a process": "stopifnot(length(grepRaw('{process name}', readBin('/proc/{process}/cmdline', 'raw', 9999))) > 0)",
}


def test_r_reaches_nothing_that_it_reaches_without_the_protection(r: Kernel, place: WorkplaceForTests) -> None:
    """Sockets, files of the haven and of others, processes: each attempt gets through outside, and not inside."""
    with things_of(place) as (inside, outside):
        inside_said = _said(r, _attempts(inside))
        done = subprocess.run(
            ["Rscript", "--vanilla", "-"],
            input=_attempts(outside),
            capture_output=True,
            text=True,
            check=True,
            timeout=400,
        )
    assert json.loads(done.stdout.strip().splitlines()[-1]) == dict.fromkeys(REACHES, "REACHED")
    assert json.loads(inside_said.splitlines()[-1]) == dict.fromkeys(REACHES, "stopped")


def _attempts(things: Any) -> str:
    tries = [
        f"tried[[{json.dumps(name)}]] <- tryCatch({{ suppressWarnings({text.format_map(things)}); 'REACHED' }},"
        " error = function(e) 'stopped')"
        for name, text in REACHES.items()
    ]
    return "\n".join(
        ["tried <- list()", *tries, "cat('\\n', jsonlite::toJSON(tried, auto_unbox = TRUE), '\\n', sep = '')"]
    )


def test_what_r_starts_is_in_the_same_enclosure(r: Kernel, place: WorkplaceForTests) -> None:
    """The whole table of attempts, by a program that R's system() starts: each is stopped."""
    with things_of(place) as (inside, _):
        text = base64.b64encode(program(list(PROBES), inside).encode()).decode()
        run = (
            f"path <- tempfile(); writeBin(jsonlite::base64_dec('{text}'), path)\n"
            "said <- system(paste('python', path), intern = TRUE)\n"
            "cat(said[length(said)])"
        )
        found = outcomes(_said(r, run))
    assert {name: one for name, one in found.items() if one.word != STOPPED} == {}
    assert len(found) == len(PROBES)
    status = _said(r, "cat(system('cat /proc/self/status', intern = TRUE), sep = '\\n')")
    said = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert (said["Seccomp"], said["NoNewPrivs"], said["CapEff"], said["CapBnd"]) == ("2", "1", "0" * 16, "0" * 16)


def test_its_environment_holds_no_secret(r: Kernel, place: WorkplaceForTests) -> None:
    """As a kernel of Python's: the paths of the gateway's sockets, and no token."""
    names = _said(r, "cat(names(Sys.getenv()), sep = '\\n')").splitlines()
    assert [name for name in names if name.startswith("HAVEN")] == ["HAVEN_FLIGHT", "HAVEN_SOCKET"]
    assert not [name for name in names if "TOKEN" in name or "KEY" in name or "SECRET" in name or "PASS" in name]


def test_an_interrupt_ends_the_question(
    r: Kernel, hub: HubClient, place: WorkplaceForTests, doors: DoorsElsewhere
) -> None:
    """The button that stops a cell stops what it asked, the query with it, and the kernel goes on."""
    long = "haven_sql('select count(*) from range(10000000) a(i), range(10000000) b(j) where (i * j) % 7 = 3')"
    request = _execute(uuid.uuid4().hex, long)
    r.channel.send(json.dumps(request))
    assert becomes(lambda: doors.stands.names()[-1] == "query.requested")
    with place.workspaces.hub() as own:
        token = own.server_token(*ASHA)
    with httpx.Client(headers={"Authorization": f"token {token}"}) as browser:
        kernels = f"{hub.address}/user/asha/admissions/api/kernels"
        (kernel,) = [one["id"] for one in browser.get(kernels).json() if one["name"] == "ir"]
        assert browser.post(f"{kernels}/{kernel}/interrupt").status_code == 204
    _answers(r, request)
    assert _said(r, "cat('on')") == "on"
    asking = "system(\"grep -al 'haven[.]for_r' /proc/[0-9]*/cmdline 2>/dev/null\", intern = TRUE)"
    assert _said(r, f"cat(length(suppressWarnings({asking})))") == "0"
    assert becomes(lambda: doors.stands.names()[-1] == "query.failed")
