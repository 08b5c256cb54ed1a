"""The errors of projects. The whole tree is drawn in audit/errors.py."""

from __future__ import annotations

from access.errors import AccessError


class ProjectUnfit(AccessError):
    """What somebody handed in about a project fits its form, and cannot be given. `problems` lists all of it."""

    code = "project.unfit"
    exit_status = 65
    http_status = 422
    told = "It cannot be given"
    remedy = "Correct what is named."

    def __init__(self, problems: list[str], where: str) -> None:
        super().__init__(f"{self.told}: " + "; ".join(problems), where=where, mend=self.remedy)
        self.problems = problems


class ProjectIncomplete(ProjectUnfit):
    """The project's file asks for what there is not, or lacks what its purpose needs."""

    code = "project.incomplete"
    told = "The project cannot be submitted"
    remedy = "Correct the file; `haven project check FILE` says whether it is complete."


class NarrowingUnfit(ProjectUnfit):
    """The narrowing does not fit what the project asks of this controller."""

    code = "project.narrowing_unfit"
    told = "The narrowing does not fit"
    remedy = "`haven project show` lists what is asked."
