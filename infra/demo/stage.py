"""Where does the demo play? A home of its own that may be thrown away, its people, and what it has found so far."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from audit.model import service
from audit.progress import Progress
from infra.demo.telling import Teller
from infra.errors import DeploymentError

if TYPE_CHECKING:
    from access.people.model import Person
    from environments.workspaces.model import CellOutcome
    from infra.plant import HavenPlant
    from infra.wiring.haven import Haven

MARK = ".haven-demo"
SETTINGS = "[optouts]\nlongest_age_days = 7  # somebody has to decide it: there is no default\n"
PROJECT = "diabetes-admissions"
RESEARCHER = "asha"
CHECKERS = ("bryn", "carys")
COMMISSIONER = "dara"
REVIEWER = "gwen"
ENGINEER = "emrys"
GUARDIAN = "greta"
LEAD = "lena"
AUTHORISER = "sian"
DATASETS = ("gp", "hospital", "social_care", "deaths")
CONTROLLERS = ("gp", "hospital", "council")
EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
PROJECT_FILE = EXAMPLES / f"{PROJECT}.yaml"
PAPERS = EXAMPLES / "governance"


class DemoHomeTaken(DeploymentError):
    """The folder holds something that is no demo: it is left alone."""

    code = "demo.home_taken"
    exit_status = 73


@dataclass
class Stage:
    """The haven that the demo plays in, the teller, and what one chapter leaves for the next."""

    haven: Haven
    plant: HavenPlant
    teller: Teller
    people: int
    truth: Path | None = None
    workspaces: bool = True
    opt_outs: bool = False  # was a list of opt-outs fetched?
    cells: dict[str, CellOutcome] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)

    def use(self, progress: Progress) -> None:
        """Show the flows' progress here."""
        from flows.plant import use

        use(lambda: self.plant, progress)

    @property
    def deliveries(self) -> Path:
        """Where the controllers prepare their deliveries."""
        return self.haven.settings.home / "controllers"


def fresh_home(home: Path) -> Path:
    """An empty home for a demo; an older demo there is removed. Raises DemoHomeTaken for anything else."""
    if home.exists() and any(home.iterdir()):
        if not (home / MARK).exists():
            raise DemoHomeTaken(
                "The folder is not empty and holds no demo.", where=str(home), mend="Name another one with --home."
            )
        for folder in (home / "scopes").glob("*"):
            folder.chmod(0o700)  # published scopes lie in read-only folders
        shutil.rmtree(home)
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    (home / MARK).touch()
    (home / "haven.toml").write_text(SETTINGS, encoding="utf-8")
    return home


def register_people(haven: Haven) -> None:
    """The organisations and the people of the story."""
    from access.organisations.model import Organisation
    from access.people.invented import invented_assessment, invented_evidence
    from access.people.model import Person, Role

    house = service("administration")
    today = haven.clock.now().date()
    evidence, security = invented_evidence(today), invented_assessment(today)
    for name, title in (
        ("university", "The university"),
        ("board", "The health board"),
        ("haven", "The haven's own team"),
        ("gp", "GP practices"),
        ("hospital", "The hospital"),
        ("council", "The council's social care"),
        ("registrar", "The registrar of deaths"),
    ):
        haven.access.register_organisation(Organisation(name, title, security), by=house)
    cast: list[Person] = [
        Person(RESEARCHER, "Asha Rao", "university", frozenset({Role.RESEARCHER}), evidence),
        Person(CHECKERS[0], "Bryn Ellis", "haven", frozenset({Role.OUTPUT_CHECKER}), evidence),
        Person(CHECKERS[1], "Carys Webb", "haven", frozenset({Role.OUTPUT_CHECKER}), evidence),
        Person(COMMISSIONER, "Dara Okoro", "board", frozenset({Role.COMMISSIONER}), evidence),
        Person(ENGINEER, "Emrys Vaughan", "haven", frozenset({Role.DATA_ENGINEER}), evidence),
        Person(REVIEWER, "Gwen Parry", "haven", frozenset({Role.LINKAGE_REVIEWER}), evidence),
        Person("freya", "Freya Lind", "board", frozenset({Role.AUDITOR}), evidence),
        Person(GUARDIAN, "Greta Moss", "board", frozenset({Role.CALDICOTT_GUARDIAN}), evidence),
        Person(LEAD, "Lena Frost", "haven", frozenset({Role.GOVERNANCE_LEAD}), evidence),
        Person(AUTHORISER, "Sian Hale", "haven", frozenset({Role.ANONYMISATION_AUTHORISER}), evidence),
    ]
    for person in cast:
        haven.access.register_person(person, by=house)
