"""How does the public see the register? An index and a page for each project: plain HTML that works without script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from access.projects.waiting import GOING_LIVE, GUARDIAN
from audit.reports import Link, Report
from infra.registers.model import Disclosure, HeldDataset, LogPosition, PublicProject, PublicRegister, PublicUse

OBJECT = (
    "You can object to your confidential information being used for research and planning: the national data opt-out "
    "is set with the NHS. Each dataset's notice says how its controller uses data, and how to object to one use. If "
    "you think that something here is wrong, write to the controller named beside the dataset."
)
ABOUT = (
    "This is what the haven holds, from whom, who may use it for what, what was disclosed to whom, and what was "
    "refused. It is generated from the haven's records and its tamper-evident log. It names organisations and "
    "purposes, never people. Counts of records and of sanctions are hidden where they are small, and rounded."
)
SYNTHETIC = "This haven holds synthetic records only: nobody's data stand behind what follows."
DECIDERS = {GUARDIAN: "Caldicott Guardian", GOING_LIVE: "Going live"}


def index_page(register: PublicRegister, log: LogPosition) -> Report:
    """The first page."""
    page = Report(
        "Public register of data uses", "What this haven holds, lets in and out, and why", foot=_foot(register, log)
    )
    page.links = [
        Link("Projects", "#projects"),
        Link("Datasets", "#datasets"),
        Link("Flows", "#flows"),
        Link("Disclosures", "#disclosures"),
        Link("Opt-outs", "#opt-outs"),
        Link("Waiting and refusals", "#waiting"),
        Link("Releases", "releases.html"),
    ]
    page.text(ABOUT)
    if register.synthetic:
        page.note(SYNTHETIC)
    page.heading("How data are used, and how to object")
    page.text(OBJECT)
    page.items([Link("Make a choice: national data opt-out", "https://www.nhs.uk/your-nhs-data-matters/")])
    _projects(page, register.projects)
    _datasets(page, register.datasets)
    _flows(page, register)
    page.heading("What was disclosed, to whom, why, and when", "disclosures")
    _disclosures(page, "Disclosures, the newest first", register.disclosures)
    _opt_outs(page, register)
    _waiting(page, register)
    page.heading("Sanctions", "sanctions")
    page.text("People and organisations that are barred for what they did are counted here, and not named.")
    counts = register.sanctions
    page.table(
        "Sanctions", ["What", "How many"],
        [["People barred today", counts.people_now], ["Organisations barred today", counts.organisations_now],
         ["Sanctions ever imposed", counts.ever]], named=True,
    )  # fmt: skip
    _for_programs(page)
    return page


def _data_use(page: Report, use: PublicUse) -> None:
    page.heading("For readers who know the methods", "methods")
    page.text(use.technical_summary)
    page.facts(
        [
            ("Legal bases", f"{use.article6}; {use.article9}"),
            ("Sector", use.sector),
            ("How often", use.frequency),
            ("Funders", ", ".join(use.funders) or "none named"),
        ]
    )


def project_page(project: PublicProject, register: PublicRegister, log: LogPosition) -> Report:
    """One project."""
    page = Report(project.title, f"Project {project.id}, version {project.version}", foot=_foot(register, log))
    page.links = [Link("Public register", "../index.html"), Link("Releases", "../releases.html")]
    page.heading("In plain words", "summary")
    page.text(project.lay_summary)
    if project.benefit:
        page.heading("Whom it serves", "benefit")
        page.text(project.benefit)
    if project.data_use:
        _data_use(page, project.data_use)
    page.heading("The project", "project")
    page.facts(
        [
            ("State", f"{project.state}: {project.rule}"),
            ("Organisation", project.organisation),
            ("Purpose", project.purpose_title),
            ("Legal basis", project.legal_basis),
            ("Section 251 support", project.support or "none named"),
            ("Ethics opinion", project.ethics or "none named"),
            (
                "National data opt-out",
                {"yes": "applied", "no": "not applied"}.get(project.opt_out or "", "not decided"),
            ),
            ("Submitted", project.submitted_on),
            ("Live since", project.begun or "not yet"),
            ("Ends", project.ends),
            *([("Closed", project.closed_on)] if project.closed_on else []),
            ("Extracts may go to", ", ".join(project.recipients) or "none named"),
        ]
    )
    page.table(
        "Data that it asked for", ["Dataset", "Tables"],
        [[name, ", ".join(tables)] for name, tables in project.datasets], named=True,
    )  # fmt: skip
    page.heading("Who decided", "decisions")
    page.table(
        "Decisions on this version",
        ["Who", "Decision", "When", "Reason", "Narrowed, and conditions"],
        [[one.by, one.outcome, _day(one.on), one.reason or "", "; ".join(one.conditions)] for one in project.decisions],
        named=True,
    )
    page.heading("What was disclosed", "disclosures")
    mine = [one for one in register.disclosures if one.project == project.id]
    _disclosures(page, "Disclosures to this project and from it", mine)
    page.heading("History", "history")
    page.table(
        "Steps, with their entry in the log",
        ["When", "What", "Log entry"],
        [[one.on, one.told, str(one.log_entry)] for one in project.history],
    )
    return page


def _foot(register: PublicRegister, log: LogPosition) -> Sequence[str]:
    if not log.size:
        return [f"As of {register.as_of}. The log had no signed checkpoint yet."]
    return [
        f"As of {register.as_of}. The newest signed checkpoint of the log then: {log.size} entries, root {log.root}.",
        "Whoever holds a copy of the log can hold it against checkpoint.txt beside these pages.",
    ]


def _projects(page: Report, projects: Sequence[PublicProject]) -> None:
    page.heading("Projects", "projects")
    if not projects:
        page.note("No project has been submitted.")
        return
    page.table(
        "Every project that was submitted",
        ["Project", "Organisation", "Purpose", "Legal basis", "State", "From", "To"],
        [
            [Link(one.title, f"projects/{one.id}.html"), one.organisation, one.purpose_title, one.legal_basis,
             one.state, _day(one.begun), one.ends]
            for one in projects
        ],
        named=True,
    )  # fmt: skip


def _datasets(page: Report, datasets: Sequence[HeldDataset]) -> None:
    page.heading("Datasets held", "datasets")
    page.table(
        "Datasets, their controllers and notices",
        ["Dataset", "Controller", "Fair-processing notice", "Tables"],
        [[one.id, one.controller, _notice(one.notice), ", ".join(one.tables)] for one in datasets],
        named=True,
    )
    terms = [(one.id, term) for one in datasets for term in one.terms]
    if not terms:
        page.text("No data sharing agreement is registered.")
        return
    page.table(
        "Under which agreement each is held, and for how long",
        ["Dataset", "Agreement", "In force", "From", "To", "Reviewed by", "Days kept", "How it is destroyed"],
        [
            [name, one.agreement, "yes" if one.in_force else "no", one.starts, one.ends, one.review_due,
             one.retention_days, one.destruction]
            for name, one in terms
        ],
        named=True,
    )  # fmt: skip


def _flows(page: Report, register: PublicRegister) -> None:
    page.heading("Flows in and out", "flows")
    if register.flows:
        page.table(
            "Flows that are agreed or supported",
            ["Dataset", "From", "To", "Purposes", "Rests on", "Identifiers", "In force"],
            [
                [one.dataset, one.discloser, one.recipient, ", ".join(one.purposes), one.ground,
                 ", ".join(one.identifiers) or "as agreed", "yes" if one.in_force else "no"]
                for one in register.flows
            ],
            named=True,
        )  # fmt: skip
    if not register.deliveries:
        page.text("Nothing was delivered yet.")
        return
    page.table(
        "Deliveries that came in",
        ["Dataset", "From", "Period", "Received", "State", "Rows (rounded)", "Log entry"],
        [
            [one.dataset, one.controller, _period(one.period_from, one.period_to), one.received_on, one.state,
             ", ".join(f"{table}: {rows}" for table, rows in one.rows), _entry(one.log_entry)]
            for one in register.deliveries
        ],
        named=True,
    )  # fmt: skip
    page.text(
        "What left the haven are tables about groups of people: they are listed under disclosures, and as releases."
    )


def _disclosures(page: Report, caption: str, found: Iterable[Disclosure]) -> None:
    newest = sorted(found, key=lambda one: one.on, reverse=True)
    if not newest:
        page.text("Nothing was disclosed.")
        return
    page.table(
        caption,
        ["When", "Kind", "What", "To", "Why", "Opt-out certificate", "Log entry"],
        [
            [one.on, one.kind.value, one.what, one.recipient, one.why, one.certificate or "none", _entry(one.log_entry)]
            for one in newest
        ],
    )


def _opt_outs(page: Report, register: PublicRegister) -> None:
    page.heading("The effect of opt-outs", "opt-outs")
    page.text(register.opt_outs.told)
    if register.opt_outs.certificates:
        page.table(
            "Opt-out certificates: records before and left out, small counts hidden",
            ["Certificate", "Of", "Records before", "Left out"],
            register.opt_outs.certificates,
            named=True,
        )


def _waiting(page: Report, register: PublicRegister) -> None:
    page.heading("Waiting times and refusals", "waiting")
    page.text(
        "Sharing can matter as much as protecting. Days are counted from the submission; those in brackets from when it"
        " was this body's turn. Ended undecided: the application ran out, was replaced by an amendment or was closed"
        " before this body had answered."
    )
    if register.waiting:
        page.table(
            "Days that applicants waited",
            ["Who decides", "Decided", "Median days", "Longest", "Open", "Longest open, so far",
             "Ended undecided", "Longest of these"],
            [
                [DECIDERS.get(one.decider, one.decider), one.decided,
                 _median(one.median_days, one.median_own_days), _number(one.longest_days),
                 one.open, _number(one.longest_open_days),
                 one.ended_undecided, _number(one.longest_undecided_days)]
                for one in register.waiting
            ],
            named=True,
        )  # fmt: skip
    if not register.refusals:
        page.text("Nothing was refused.")
        return
    page.table(
        "Refusals, with their reasons",
        ["Project", "Version", "By", "When", "Reason"],
        [[one.project, one.version, DECIDERS.get(one.by, one.by), one.on, one.reason] for one in register.refusals],
        named=True,
    )


def _for_programs(page: Report) -> None:
    page.heading("For programs", "data")
    page.items(
        [
            Link("This register as data", "register.json"),
            Link("Approved uses, with the fields of the data use register standard", "data-uses.json"),
            Link("Releases as data", "releases.json"),
            Link("The log's newest signed checkpoint", "checkpoint.txt"),
        ]
    )


def _notice(address: str) -> object:
    return Link("notice", address) if address.startswith("https://") else address


def _period(begins: date | None, ends: date | None) -> str:
    return f"{begins} to {ends}" if begins and ends else "all"


def _median(days: float | None, own: float | None) -> str:
    return "-" if days is None or own is None else f"{days:g} ({own:g})"


def _number(days: int | None) -> str:
    return "-" if days is None else str(days)


def _day(day: date | None) -> str:
    return str(day) if day else "-"


def _entry(index: int | None) -> str:
    return "-" if index is None else str(index)
