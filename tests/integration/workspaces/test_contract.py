"""What a workspace keeps in and keeps out, tried from a real kernel over the real hub; each probe has its control."""

from __future__ import annotations

from html import unescape
from pathlib import Path

import httpx
import nbformat
import pytest

from access.decisions import RefusedError
from audit.errors import HavenError
from audit.events import EventName
from environments.workspaces.client import HubClient, Kernel
from tests.fakes.probes.daemon import stubborn_daemon
from tests.fakes.waiting import becomes, marked
from tests.fakes.workspaces import WorkplaceForTests


def test_the_home_is_kept_and_is_the_projects_own(asha: Kernel, bo: Kernel, place: WorkplaceForTests) -> None:
    """A file written in one project's home is there, and cannot be found from another project's workspace."""
    assert asha.run("open('/home/researcher/probe', 'w').write('x')").error is None
    written = place.home / "workspaces" / "diabetes" / "asha" / "home" / "probe"
    assert written.read_text() == "x"
    for path in (str(written), "/home/researcher/probe"):
        assert bo.run(f"open({path!r}).read()").error == "FileNotFoundError"


def test_only_its_own_processes_are_seen(asha: Kernel) -> None:
    """The list of processes holds the sandbox, the server and kernels: nothing of the host, nothing of bo's."""
    outcome = asha.run(
        "from pathlib import Path\n"
        "print([p.read_bytes().split(b'\\0')[0].decode().rsplit('/', 1)[-1]"
        " for p in Path('/proc').glob('[0-9]*/cmdline')])"
    )
    assert outcome.error is None
    seen = outcome.text
    assert "bwrap" in seen
    assert not any(word in seen for word in ("pytest", "hv-probe", "systemd", "sshd"))
    assert seen.count("python") <= 3


def test_the_kernels_environment_holds_no_secret(asha: Kernel, place: WorkplaceForTests) -> None:
    """No token, no key, nothing of the haven's but the paths of the gateway's sockets."""
    outcome = asha.run("import os\nfor name, value in sorted(os.environ.items()): print(name, value)")
    names = [line.partition(" ")[0] for line in outcome.text.splitlines()]
    assert [name for name in names if name.startswith("HAVEN")] == ["HAVEN_FLIGHT", "HAVEN_SOCKET"]
    assert not [name for name in names if "TOKEN" in name or "KEY" in name or "SECRET" in name or "PASS" in name]
    for path in (place.place.orchestrator_token, place.place.tokens.hub, place.place.tokens.house):
        assert path.read_text() not in outcome.text


def test_it_holds_no_rights(asha: Kernel) -> None:
    """Capabilities are none, new ones cannot be gained, and calls are filtered."""
    outcome = asha.run("print(open('/proc/self/status').read())")
    status = dict(line.split(":\t", 1) for line in outcome.text.splitlines() if ":\t" in line)
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")


def test_a_query_goes_through_the_door_as_this_person(asha: Kernel, bo: Kernel) -> None:
    """The gateway's socket is there, and the door, not the caller, says who and which project."""
    ask = (
        "import socket\n"
        "with socket.socket(socket.AF_UNIX) as door:\n"
        "    door.connect('/run/haven/gateway.sock')\n"
        "    door.sendall(b'GET /v1/tables HTTP/1.1\\r\\nHost: x\\r\\nX-Person: root\\r\\n\\r\\n')\n"
        "    text = b''\n"
        "    while part := door.recv(4096): text += part\n"
        "print(text.decode().rsplit('\\n', 1)[-1])"
    )
    assert asha.run(ask).text.strip() == '{"person": "asha", "project": "diabetes"}'
    assert bo.run(ask).text.strip() == '{"person": "bo", "project": "asthma"}'


def test_the_client_and_the_conditions_are_at_hand(asha: Kernel) -> None:
    """`import haven` works, and the conditions of work can be read."""
    outcome = asha.run("import haven\nprint(open('/run/haven/conditions.txt').read())")
    assert outcome.error is None
    assert "airlock" in outcome.text


def test_the_hub_has_four_routes_for_a_workspace(asha: Kernel) -> None:
    """With its own server's token, a workspace gets nothing of the hub's API beyond what it needs."""
    outcome = asha.run(
        "import http.client, socket\n"
        "from pathlib import Path\n"
        "variables = Path('/proc/2/environ').read_bytes().split(b'\\0')\n"
        "token = next(v for v in variables if v.startswith(b'JUPYTERHUB_API_TOKEN=')).split(b'=')[1].decode()\n"
        "def ask(method, path):\n"
        "    hub = http.client.HTTPConnection('hub')\n"
        "    hub.sock = socket.socket(socket.AF_UNIX)\n"
        "    hub.sock.connect('/run/haven/hub.sock')\n"
        "    hub.request(method, path, headers={'Authorization': f'token {token}'})\n"
        "    return hub.getresponse().status\n"
        "print(ask('GET', '/hub/api/user'), ask('GET', '/hub/api/users'), ask('GET', '/hub/api/users/bo'),\n"
        "      ask('POST', '/hub/api/users/bo/activity'), ask('POST', '/hub/api/users/asha/tokens'),\n"
        "      ask('GET', '/hub/api/../api/users'), ask('GET', '/hub/home'), ask('GET', '/hub/api/proxy'),\n"
        "      ask('GET', '//hub/api/users'), ask('GET', '/hub/api/user/../users'), ask('GET', '/hub%2fapi/users'),\n"
        "      ask('POST', '/hub/api/users/asha/activity/../tokens'), ask('DELETE', '/hub/api/user'),\n"
        "      ask('POST', '/hub/api/users/asha/servers/asthma'), ask('POST', '/hub/api/shutdown'))"
    )
    assert outcome.text.split() == ["200", *["404"] * 14]


def test_files_are_not_handed_out_and_pages_load_nothing_from_elsewhere(
    hub: HubClient, place: WorkplaceForTests
) -> None:
    """The edge closes the download routes and puts its own policy on every page."""
    with place.workspaces.hub() as own:
        token = own.server_token("asha", "diabetes")
    with httpx.Client(headers={"Authorization": f"token {token}"}) as browser:
        prefix = f"{hub.address}/user/asha/diabetes"
        assert browser.get(f"{prefix}/files/probe").status_code == 403
        assert browser.get(f"{prefix}/api/terminals").status_code == 403
        assert browser.post(f"{prefix}/lab/api/extensions", json={"cmd": "install"}).status_code == 403
        page = browser.get(f"{prefix}/lab")
        assert page.status_code == 200
        assert page.headers.get_list("content-security-policy")[0].startswith("default-src 'self'")
        assert len(page.headers.get_list("content-security-policy")) == 1
        assert browser.get(f"{hub.address}/user/bo/asthma/api/contents").status_code in (302, 403)


def test_a_person_who_is_not_approved_gets_the_reason_and_no_process(hub: HubClient, place: WorkplaceForTests) -> None:
    """The hub asks before it starts anything; the refusal is shown, recorded, and leaves nothing behind."""
    before = place.processes_inside()
    with pytest.raises(RefusedError, match="not one of its people"):
        hub.start("bo", "diabetes", "")
    with pytest.raises(RefusedError, match="not one of its people"):
        place.workspaces.conditions("bo", "diabetes")
    assert place.processes_inside() == before
    assert place.log.events[-1].name is EventName.WORKSPACE_OPEN_REFUSED
    assert not (place.home / "workspaces" / "diabetes" / "bo").exists()
    with pytest.raises(RefusedError, match="not one of its people"):
        place.workspaces.open_address("bo", "diabetes")


@pytest.mark.parametrize("project", ["..diabetes", "Diabetes"])
def test_a_project_whose_name_is_no_name_is_refused(hub: HubClient, place: WorkplaceForTests, project: str) -> None:
    """Even when approved, a name that could lead out of its folder opens nothing, and its door is closed again."""
    place.approvals.approved.add(("asha", project))
    before, doors = place.processes_inside(), set(place.doors.opened)
    with pytest.raises(HavenError):
        place.start(hub, "asha", project)
    assert place.processes_inside() == before
    assert becomes(lambda: set(place.doors.opened) == doors)


def test_a_code_opens_once(place: WorkplaceForTests, hub: HubClient) -> None:
    """The address takes the person in; used again it takes nobody anywhere."""
    address = place.workspaces.open_address("asha", "diabetes")
    with httpx.Client() as browser:
        first = browser.get(address)
    assert (first.status_code, first.headers["location"]) == (302, "/hub/spawn/asha/diabetes")
    with httpx.Client() as another:
        second = another.get(address)
    assert second.status_code == 403
    assert "has been used already" in second.text


def test_a_notebook_runs_cell_by_cell(hub: HubClient, tmp_path: Path) -> None:
    """Every code cell gives its outcome, in order; one that raises does not stop the rest."""
    cells = [nbformat.v4.new_code_cell(text) for text in ("x = 20 + 1", "print(x * 2)", "1 / 0", "x")]
    path = tmp_path / "work.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Work"), *cells]), path)
    outcomes = hub.run_notebook("asha", "diabetes", path)
    assert [outcome.error for outcome in outcomes] == [None, None, "ZeroDivisionError", None]
    assert [outcome.text.strip() for outcome in outcomes if not outcome.error] == ["", "42", "21"]


def test_a_withdrawal_stops_the_workspace_and_all_that_it_started(place: WorkplaceForTests, hub: HubClient) -> None:
    """Within seconds of the approval's end the workspace is gone, its daemons too, and its door is closed."""
    place.approvals.approved.add(("asha", "asthma"))
    place.start(hub, "asha", "asthma")
    daemon, mark = stubborn_daemon()
    assert hub.run_cells("asha", "asthma", [daemon])[0].error is None
    assert becomes(lambda: marked(mark))
    doors = len(place.doors.opened)
    place.approvals.approved.remove(("asha", "asthma"))
    assert becomes(lambda: not marked(mark) and len(place.doors.opened) < doors)
    assert becomes(lambda: "project.not_a_member" in _rules_of(place, EventName.WORKSPACE_CLOSED))


def test_who_comes_to_a_workspace_that_a_rule_ended_reads_which(place: WorkplaceForTests, hub: HubClient) -> None:
    """At its own address and on the hub's page: the project, the reason and the rule; no more once it is open again."""
    pairs = {("cy", "gout"), ("dee", "gout")}
    place.approvals.approved |= pairs
    with place.browser("cy", "gout") as cy, place.browser("dee", "gout") as dee:
        place.start(hub, "cy", "gout")
        assert "was closed" not in _page(cy, "/hub/workspaces")
        place.approvals.approved.remove(("cy", "gout"))
        assert becomes(lambda: "was closed" in _page(cy, "/hub/workspaces"))
        assert becomes(lambda: "The workspace of gout is not open" in _page(cy, "/user/cy/gout/lab"))
        for path in ("/hub/workspaces", "/user/cy/gout/lab"):
            page = _page(cy, path)
            assert "gout was closed on" in page
            assert "You are not one of its people. Its applicant can add you. (project.not_a_member)" in page
            assert "/hub/spawn/cy/gout" not in page
        assert "was closed" not in _page(dee, "/hub/workspaces")
        place.approvals.approved.add(("cy", "gout"))
        page = _page(cy, "/hub/workspaces")
        assert "was closed" not in page  # the records say yes
        assert "/hub/spawn/cy/gout" in page
        place.start(hub, "cy", "gout")
        assert "was closed" not in _page(cy, "/hub/workspaces")
    place.workspaces.close("cy", "gout")


def _page(browser: httpx.Client, path: str) -> str:
    return unescape(browser.get(path).text)


def test_a_link_in_place_of_its_socket_is_not_followed(asha: Kernel, hub: HubClient, place: WorkplaceForTests) -> None:
    """A workspace that puts a link to another socket of the host where its own stood is not taken there."""
    lab = "/run/haven/lab/lab.sock"
    moved = asha.run(f"import os\nos.rename('{lab}', '{lab}.own')\nos.symlink('{place.place.run}/hub.sock', '{lab}')")
    assert moved.error is None
    with place.workspaces.hub() as own, httpx.Client() as browser:
        token = own.server_token("asha", "diabetes")
        answer = browser.get(
            f"{hub.address}/user/asha/diabetes/api/status", headers={"Authorization": f"token {token}"}
        )
    assert "kernels" in answer.json()
    assert asha.run(f"os.replace('{lab}.own', '{lab}')").error is None


def test_closing_leaves_nothing_behind(place: WorkplaceForTests, hub: HubClient) -> None:
    """A workspace that its person closes ends whole and can be opened again; its files are kept."""
    place.approvals.approved.add(("bo", "sleep"))
    place.start(hub, "bo", "sleep")
    daemon, mark = stubborn_daemon()
    hub.run_cells("bo", "sleep", ["open('kept.txt', 'w').write('x')", daemon])
    assert becomes(lambda: marked(mark))
    place.workspaces.close("bo", "sleep")
    assert not marked(mark)
    assert (place.home / "workspaces" / "sleep" / "bo" / "home" / "kept.txt").read_text() == "x"
    place.start(hub, "bo", "sleep")
    assert hub.run_cells("bo", "sleep", ["print(open('kept.txt').read())"])[0].text.strip() == "x"
    place.workspaces.close("bo", "sleep")


def _rules_of(place: WorkplaceForTests, name: EventName) -> list[object]:
    return [event.details.get("rule") for event in place.log.events if event.name is name]
