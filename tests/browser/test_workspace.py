"""A person's way into their workspace, in a real browser: the address, Lab, a cell that runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.fakes.workspaces import WorkplaceForTests, clients_folder, environments_folder, workplace

pytestmark = pytest.mark.needs_chromium

LAB_SECONDS = 60_000
CELL_SECONDS = 30_000


@pytest.fixture(scope="module")
def place() -> Iterator[WorkplaceForTests]:
    """A real hub, and a person who is approved."""
    with workplace(environments_folder(), clients_folder()) as stands:
        stands.approvals.approved.add(("asha", "diabetes"))
        yield stands


@pytest.fixture(scope="module")
def lab(place: WorkplaceForTests, browser: Browser) -> Page:
    """The page of asha's workspace, reached by the address and the conditions, which she acknowledges."""
    page = browser.new_page()
    page.goto(place.workspaces.open_address("asha", "diabetes"), timeout=LAB_SECONDS)
    expect(page.get_by_role("heading", name="Before you begin: diabetes")).to_be_visible(timeout=LAB_SECONDS)
    page.get_by_role("button", name="Open the workspace").click()
    expect(page.get_by_role("heading", name="Before you begin: diabetes")).to_be_visible()  # not without the tick
    page.get_by_label("I have read these conditions").check()
    page.get_by_role("button", name="Open the workspace").click()
    page.wait_for_url("**/user/asha/diabetes/lab**", timeout=LAB_SECONDS)
    return page


@pytest.fixture(scope="module")
def notebook(lab: Page) -> Page:
    """A new notebook in Lab, its kernel running."""
    lab.locator(".jp-LauncherCard[data-category='Notebook']").first.click(timeout=LAB_SECONDS)
    expect(lab.locator(".jp-NotebookPanel .jp-CodeCell .cm-content").last).to_be_visible(timeout=LAB_SECONDS)
    expect(lab.get_by_text("Python 3 | Idle")).to_be_visible(timeout=LAB_SECONDS)
    return lab


def _run_cell(page: Page, source: str) -> None:
    editor = page.locator(".jp-NotebookPanel .jp-CodeCell .cm-content").last
    editor.click()
    expect(editor).to_be_focused()
    page.keyboard.insert_text(source)
    expect(editor).to_contain_text(source[:20])
    page.keyboard.press("Shift+Enter")


def test_the_address_opens_lab_with_its_launcher(lab: Page, tmp_path: Path) -> None:
    """One address: log-in, workspace, Lab's launcher with a notebook to start."""
    expect(lab.locator(".jp-Launcher")).to_be_visible(timeout=LAB_SECONDS)
    expect(lab.locator(".jp-LauncherCard[data-category='Notebook']").first).to_be_visible()
    picture = tmp_path / "lab.png"
    lab.screenshot(path=picture)
    assert picture.stat().st_size > 10_000


def test_a_cell_runs(notebook: Page) -> None:
    """The kernel answers through the edge's websocket."""
    _run_cell(notebook, "print('answer', 6 * 7)")
    expect(notebook.locator(".jp-OutputArea-output").filter(has_text="answer 42")).to_be_visible(timeout=CELL_SECONDS)


def test_how_a_person_likes_lab_is_kept(notebook: Page) -> None:
    """A dark theme and the open notebook are there again when the page is loaded anew."""
    answers: list[int] = []
    notebook.on("response", lambda one: answers.append(one.status) if one.request.method == "PUT" else None)
    _from_menu(notebook, "Settings", "Theme", "JupyterLab Dark")
    dark = notebook.locator("body[data-jp-theme-light='false']")
    expect(dark).to_have_count(1, timeout=LAB_SECONDS)
    with notebook.expect_response(lambda one: "/lab/api/workspaces/" in one.url and one.request.method == "PUT"):
        notebook.locator(".jp-NotebookPanel .jp-CodeCell .cm-content").last.click()
        notebook.keyboard.press("Control+s")
    assert answers
    assert max(answers) < 400, answers
    notebook.reload(timeout=LAB_SECONDS)
    expect(dark).to_have_count(1, timeout=LAB_SECONDS)
    expect(notebook.locator(".jp-NotebookPanel .jp-CodeCell .cm-content").last).to_be_visible(timeout=LAB_SECONDS)


def test_what_lab_keeps_is_json_in_the_home(notebook: Page, place: WorkplaceForTests) -> None:
    """Settings and layout, in one folder of the home that no program reads code from."""
    kept = {path.suffix for path in (place.home_of("asha", "diabetes") / ".lab").rglob("*") if path.is_file()}
    assert kept == {".jupyterlab-settings", ".jupyterlab-workspace"}


def test_the_way_back_from_lab(lab: Page) -> None:
    """Lab's menu leads to the person's workspaces, in the same window."""
    _from_menu(lab, "File", "Hub Control Panel")
    expect(lab.get_by_role("heading", name="Your workspaces")).to_be_visible(timeout=LAB_SECONDS)
    lab.get_by_role("link", name="Go to diabetes").click()
    expect(lab.get_by_text("Python 3 | Idle")).to_be_visible(timeout=LAB_SECONDS)


def test_after_a_withdrawal_lab_leads_to_the_reason(lab: Page, place: WorkplaceForTests) -> None:
    """Lab says that its server is gone; to restart it leads to the hub's page with the reason."""
    place.approvals.approved.discard(("asha", "diabetes"))
    expect(lab.get_by_text("Server unavailable or unreachable")).to_be_visible(timeout=LAB_SECONDS)
    lab.locator(".jp-Dialog-button", has_text="Restart").click()
    lab.wait_for_url("**/hub/spawn/asha/diabetes**", timeout=LAB_SECONDS)
    expect(lab.get_by_text("You are not one of its people. Its applicant can add you.").first).to_be_visible()


def _from_menu(page: Page, *names: str) -> None:
    page.locator(".lm-MenuBar-itemLabel", has_text=re.compile(f"^{names[0]}$")).click()
    for name in names[1:]:
        page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{re.escape(name)}$")).last.click()
