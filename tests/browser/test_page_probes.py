"""A page of a workspace in a real Chromium: whom it cannot speak to, what it cannot save; each beside its control."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect, sync_playwright

from tests.browser.conftest import CHROMIUM, FLAGS
from tests.fakes.listener import Listener, listening
from tests.fakes.probes.pages import DISPLAYED, FRAMED, LEAVING, SAVING, PageProbe, script_of
from tests.fakes.waiting import becomes
from tests.fakes.workspaces import WorkplaceForTests, clients_folder, environments_folder, workplace

pytestmark = pytest.mark.needs_chromium

LAB_SECONDS = 90_000
CONTENT = "kept-in-the-haven"
PREFIX = "/user/asha/diabetes/"
KEPT = {
    "kept.csv": CONTENT,
    ".local/share/jupyter/kernels/own/kernel.json": '{"argv": ["x"], "display_name": "own", "language": "python"}',
    ".local/share/jupyter/kernels/own/kept.csv": CONTENT,
    ".local/share/jupyter/kernels/own/sw.js": f"// {CONTENT}",
    ".local/share/jupyter/nbextensions/kept.csv": CONTENT,
    "kept.ipynb": '{"cells": [{"cell_type": "markdown", "metadata": {}, "source": "' + CONTENT + '"}],'
    ' "metadata": {}, "nbformat": 4, "nbformat_minor": 4}',
}
# Of these, an unguarded server hands out the file: the control.
HANDED_OUT = (
    "files/kept.csv",
    "files/kept.csv?download=1",
    "api/contents/kept.csv?content=1",
    "api/contents/kept.csv?type=file&format=base64&content=1",
    "api/contents/kept.csv?type=file&format=text&content=1",
)
# Of these it may not, as it is made today, or only in another reading of the address.
PERHAPS = (
    "kernelspecs/own/kept.csv",
    "%66iles/kept.csv",
    "%2566iles/kept.csv",
    "FILES/kept.csv",
    "/files/kept.csv",
    "./files/kept.csv",
    "static/../files/kept.csv",
    "api/contents/..%2ffiles/kept.csv",
    "files%2fkept.csv",
    "nbconvert/html/kept.ipynb?download=true",
    "nbconvert/script/kept.ipynb",
    "nbextensions/kept.csv",
    "lab/extensions/kept.csv",
    "view/kept.csv",
    "api/contents/kept.csv/checkpoints",
)
# Of these the hub or the edge answers, at the workspaces' origin.
OWN_ORIGIN = (
    "/hub/logo",
    "/hub/static/css/style.min.css",
    "/hub/static/js/admin-react.js",
    "/hub/static/favicon.ico",
    "/hub/workspaces",
    f"{PREFIX}files/x",
    f"{PREFIX}nbconvert/html/y",
    f"{PREFIX}api/contents/kept.csv?content=1",
    "/edge-proof/z",
    f"/{'x' * 9000}",
)
ALONE = [probe for probe in DISPLAYED if probe.name in ("fetched", "image", "websocket", "beacon", "peers")]


@dataclass(frozen=True)
class Stand:
    """A browser in which asha is logged in, her workspace, and who listens outside."""

    place: WorkplaceForTests
    browser: Browser
    context: BrowserContext
    listener: Listener

    @property
    def address(self) -> str:
        """The workspace's."""
        return f"{self.place.place.address}{PREFIX}"

    def page(self, *, guarded: bool) -> Page:
        """A small page of the workspace, or a plain one."""
        page = self.context.new_page()
        page.goto(f"{self.address}nothing-here" if guarded else self.listener.plain_page)
        return page

    def script(self, probe: PageProbe, side: str, own: str = "") -> str:
        """An attempt's script, with an address at the origin of its page; what it throws is no matter."""
        own = own or (f"{PREFIX}api/contents/kept.csv?content=1" if side == "in" else "/file")
        return f"try {{ {script_of(probe, **self.listener.addresses(side), own=own)} }} catch {{}}"


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    """One browser, one workspace, one listener for all attempts."""
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(workplace(environments_folder(), clients_folder()))
        listener = stack.enter_context(listening())
        playwright = stack.enter_context(sync_playwright())
        flags = [*FLAGS, "--allow-loopback-in-peer-connection"]  # the listener is on loopback only
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        stack.callback(browser.close)
        place.approvals.approved.add(("asha", "diabetes"))
        context = browser.new_context()
        page = context.new_page()
        page.goto(place.workspaces.open_address("asha", "diabetes"), timeout=LAB_SECONDS)
        page.get_by_label("I have read these conditions").check(timeout=LAB_SECONDS)
        page.get_by_role("button", name="Open the workspace").click()
        page.wait_for_url("**/user/asha/diabetes/lab**", timeout=LAB_SECONDS)
        page.close()
        home = place.home / "workspaces" / "diabetes" / "asha" / "home"
        for name, text in KEPT.items():
            path = home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        for folder in (home / ".local").rglob("*"):
            folder.chmod(0o755)
        (home / ".local").chmod(0o755)
        yield Stand(place, browser, context, listener)


def test_a_displayed_output_speaks_to_nobody(stand: Stand) -> None:
    """Every way of loading and sending, in an output of a notebook in Lab: heard from a plain page, not from there."""
    script = "".join(stand.script(probe, "in") for probe in DISPLAYED)
    shown = f"<p id=shown>shown</p><script>{script}; document.body.dataset.tried = 'all';</script>"
    (stand.place.home / "workspaces/diabetes/asha/home/output.html").write_text(shown)
    lab = stand.context.new_page()
    lab.goto(f"{stand.address}lab", timeout=LAB_SECONDS)
    lab.locator(".jp-LauncherCard[data-category='Notebook']").first.click(timeout=LAB_SECONDS)
    expect(lab.get_by_text("Python 3 | Idle")).to_be_visible(timeout=LAB_SECONDS)
    editor = lab.locator(".jp-NotebookPanel .jp-CodeCell .cm-content").last
    editor.click()
    expect(editor).to_be_focused()
    lab.keyboard.insert_text("from IPython.display import HTML\nHTML(open('output.html').read())")
    lab.keyboard.press("Shift+Enter")
    expect(lab.locator("body[data-tried=all]")).to_be_attached(timeout=LAB_SECONDS)
    plain = stand.page(guarded=False)
    plain.evaluate("() => {" + "".join(stand.script(probe, "out") for probe in DISPLAYED) + "}")
    unheard = {("out", probe.name) for probe in DISPLAYED}
    assert becomes(lambda: not unheard - stand.listener.heard), f"no control: {unheard - stand.listener.heard}"
    assert {name for side, name in stand.listener.heard if side == "in"} == set()
    expect(lab.locator("#shown")).to_be_visible()
    for page in (lab, plain):
        page.close()


@pytest.mark.parametrize("probe", LEAVING, ids=lambda probe: probe.name)
def test_a_page_cannot_be_taken_elsewhere(stand: Stand, probe: PageProbe) -> None:
    """A page that leaves takes with it what its new address says."""
    guarded, plain = stand.page(guarded=True), stand.page(guarded=False)
    _evaluate(guarded, stand.script(probe, "in"))
    _evaluate(plain, stand.script(probe, "out"))
    assert becomes(lambda: ("out", probe.name) in stand.listener.heard)
    assert ("in", probe.name) not in stand.listener.heard
    # Neither is closed: to close a page that is on its way elsewhere can wait for ever. They end with the browser.


def _only_the_control_is_heard(stand: Stand, probes: Sequence[PageProbe]) -> None:
    unheard = {("out", probe.name) for probe in probes}
    assert becomes(lambda: not unheard - stand.listener.heard), f"no control: {unheard - stand.listener.heard}"
    assert {name for side, name in stand.listener.heard if side == "in"} == set()


@pytest.mark.parametrize("own", OWN_ORIGIN, ids=lambda own: own[:40])
def test_a_page_speaks_to_nobody_through_a_frame(stand: Stand, own: str) -> None:
    """What the hub and the edge answer at the same origin lends a page no policy that lets more through."""
    stand.listener.heard.clear()
    guarded, plain = stand.page(guarded=True), stand.page(guarded=False)
    for probe in FRAMED:
        _evaluate(guarded, stand.script(probe, "in", own))
        _evaluate(plain, stand.script(probe, "out", "/plain"))
    expect(guarded.locator("body[data-framed=yes]")).to_be_attached()
    _only_the_control_is_heard(stand, FRAMED)
    guarded.close()
    plain.close()


@pytest.mark.parametrize("own", OWN_ORIGIN, ids=lambda own: own[:40])
def test_nor_does_what_answers_at_its_origin(stand: Stand, own: str) -> None:
    """Were it framed after all: a script in it reaches nobody, either."""
    stand.listener.heard.clear()
    plain, there = stand.page(guarded=False), stand.context.new_page()
    there.goto(stand.place.place.address + own)
    for probe in ALONE:
        _evaluate(there, stand.script(probe, "in"))
        _evaluate(plain, stand.script(probe, "out"))
    _only_the_control_is_heard(stand, ALONE)
    there.close()
    plain.close()


@pytest.mark.parametrize("own", OWN_ORIGIN, ids=lambda own: own[:40])
def test_nobody_frames_what_answers_there(stand: Stand, own: str) -> None:
    """A page without any policy gets an error of the browser's in its frame, and no page."""
    plain = stand.page(guarded=False)
    frame = "own => new Promise(done => { const f = document.createElement('iframe'); f.onload = () => done(0);"
    for address in ("/plain", stand.place.place.address + own):
        plain.evaluate(frame + " f.src = own; document.body.append(f); })", address)
    _, shown, refused = (one.url for one in plain.frames)
    assert shown == stand.listener.plain_page
    assert refused.startswith("chrome-error://")
    plain.close()


@pytest.mark.parametrize("probe", SAVING, ids=lambda probe: probe.name)
def test_a_page_cannot_have_the_browser_save(stand: Stand, probe: PageProbe) -> None:
    """Whatever it is made from: data in the page, a blob, an address of the workspace."""
    guarded, plain = stand.page(guarded=True), stand.page(guarded=False)
    saved: list[str] = []
    guarded.on("download", lambda _: saved.append("guarded"))
    _evaluate(guarded, stand.script(probe, "in"))
    with plain.expect_download():
        _evaluate(plain, stand.script(probe, "out"))
    assert saved == []
    guarded.close()
    plain.close()


@pytest.mark.parametrize("path", [*HANDED_OUT, *PERHAPS])
def test_an_address_hands_out_no_file(stand: Stand, path: str) -> None:
    """Nor does one that a person types: neither shown nor saved. The server behind the edge would hand it out."""
    if path in HANDED_OUT:
        with stand.place.workspaces.hub() as own:
            headers = {"Authorization": f"token {own.server_token('asha', 'diabetes')}"}
        socket = next((stand.place.place.run).glob("w-*/lab/lab.sock"))
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(socket)), headers=headers) as behind:
            assert behind.get(f"http://localhost{PREFIX}{path}").status_code == 200
    page = stand.context.new_page()
    saved: list[str] = []
    page.on("download", lambda _: saved.append(path))
    with contextlib.suppress(Error):  # a browser that saves says that it did not go there
        page.goto(f"{stand.address}{path}")
    assert saved == []
    assert CONTENT not in page.content()
    page.close()


@pytest.mark.parametrize("path", ["kernelspecs/own/sw.js", "static/lab/main.js", "files/sw.js"])
def test_no_worker_answers_in_the_edges_place(stand: Stand, path: str) -> None:
    """A service worker could give the browser pages without any policy: none is registered."""
    register = "path => navigator.serviceWorker.register(path).then(() => 'registered', error => error.name)"
    guarded, plain = stand.page(guarded=True), stand.page(guarded=False)
    assert plain.evaluate(register, "/sw.js") == "registered"
    assert guarded.evaluate(register, f"{PREFIX}{path}") in ("SecurityError", "TypeError")
    guarded.close()
    plain.close()


@pytest.mark.parametrize("path", ["{own}login?next={there}", "/hub/login?next={there}", "{own}lab?next={there}"])
def test_no_address_of_ours_passes_a_person_on(stand: Stand, path: str) -> None:
    """A log-in that says where to go afterwards goes nowhere else."""
    page = stand.page(guarded=True)
    there = f"{stand.listener.addresses('in')['http']}/passed_on"
    page.goto(stand.place.place.address + path.format(own=PREFIX, there=there))
    assert page.url.startswith(stand.place.place.address)
    assert ("in", "passed_on") not in stand.listener.heard
    page.close()


def _evaluate(page: Page, script: str) -> None:
    """Run it right after this call has returned: a page that goes away in the middle would never answer it."""
    page.evaluate("() => { setTimeout(() => {" + script + "}, 0) }")
