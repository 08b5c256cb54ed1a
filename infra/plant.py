"""The haven as flows drive it: each verb of the port is a plain function of a component, told as a summary.

A summary is kept and shown by Prefect: counts in it are suppressed, and it holds no row, identifier, key or path.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from audit.model import service
from audit.progress import Progress, silent
from audit.suppression import shown_count
from flows.plant import Summary
from infra.inbox import Inbox

if TYPE_CHECKING:
    from access.housekeeping.model import HouseworkDone
    from access.realm.service import Synced
    from environments.airlock.model import Released
    from infra.registers.publishing import Published
    from infra.wiring.haven import Haven
    from linkage.intake.service import ReceiptSummary
    from linkage.matching.residual.models import TrainedModel
    from linkage.matching.service import LinkageSummary
    from linkage.scopes.service import ScopeSummary


class HavenPlant:
    """One haven behind the flows of this process. summaries: what the steps returned, in order."""

    def __init__(self, haven: Haven) -> None:
        self._haven = haven
        haven.settle()
        self.summaries: list[Summary] = []

    @cached_property
    def inbox(self) -> Inbox:
        """Where deliveries wait; where that is the intake's, only the ids under which their paths are staged."""
        settings = self._haven.settings
        return Inbox(settings.home / "staged" if settings.separated else settings.inbox_folder)

    def waiting_batches(self, dataset: str) -> list[str]:
        """The opaque ids of what lies in the dataset's inbox. Raises ZoneForbids where it is another account's."""
        if self._haven.settings.separated:
            from linkage.errors import ZoneForbids

            raise ZoneForbids(
                "The inbox belongs to the intake's account, and sweeping it is not yet a verb of its process.",
                where="inbox",
                mend="Receive each delivery by its path: haven delivery receive PATH --as NAME",
            )
        return self.inbox.waiting(dataset)

    def receive(self, batch: str, progress: Progress = silent) -> Summary:
        """Take in a delivery as who staged it, then empty its place in the inbox.

        Raises RefusedError, DeliveryRefused, UnknownBatch.
        """
        path, by = self.inbox.path_of(batch), self.inbox.staged_by(batch)
        receipt = self._haven.delivery_intake.receive(path, by=by, progress=progress)
        self.inbox.finish(batch)
        return self._told(_of_receipt(receipt))

    def link(self, progress: Progress = silent) -> Summary:
        """Link what was received and not yet linked."""
        return self._told(_of_linkage(self._haven.linker.link(by=service("linkage"), progress=progress)))

    def train_linkage(self, progress: Progress = silent) -> Summary:
        """Train a model of linkage. Raises NothingToLearnFrom, CannotTrain."""
        return self._told(_of_model(self._haven.linker.models.train(by=service("linkage"), progress=progress)))

    def publish_scope(self, project: str, progress: Progress = silent) -> Summary:
        """Materialise the project's live approval. Raises RefusedError."""
        return self._told(_of_scope(self._haven.publish_scope(project, progress)))

    def refresh_optouts(self, progress: Progress = silent) -> Summary:
        """Ask for the list and wait for it. Raises ListFailed, MailboxAway, MailboxUnset, NothingToAsk."""
        done = self._haven.opt_out_lists.refresh(by=service("flows"), wait=True, progress=progress)
        asked = (("numbers asked", shown_count(done.list.asked)),)
        bad = tuple((f"in quarantine: {code}", shown_count(rows)) for code, rows in done.list.bad.items())
        return self._told(Summary("optouts-summary", f"List {done.list.id} of opt-outs is in force.", asked + bad))

    def optouts_are_due(self) -> bool:
        """Is a mailbox set, and no list in force that was asked for today?"""
        from access.optouts.model import ListState
        from access.optouts.store import newest_list

        if self._haven.mailbox is None and self._haven.settings.optouts.mesh is None:
            return False
        with self._haven.records.read() as session:
            newest = newest_list(session)
        today = self._haven.clock.now().date()
        return newest is None or newest.state is not ListState.IN_FORCE or newest.as_at.date() < today

    def projects_to_publish(self) -> list[str]:
        """The live projects that have a scope already."""
        from infra.published import published_projects

        return published_projects(self._haven)

    def projects_held(self) -> list[str]:
        """Those of them whose queries are refused until their scope is published again."""
        from infra.published import held_projects

        return held_projects(self._haven)

    def release(self, request: str) -> Summary:
        """Ask everything again and release. Raises RefusedError."""
        return self._told(_of_release(self._haven.airlock.release(request, by=service("release"))))

    def keep_house(self) -> Summary:
        """Write what time brought about, and tell who must act; once a day each."""
        from infra.housekeeping import keep_records

        return self._told(_of_house(keep_records(self._haven, by=service("housekeeping"))))

    def identity_is_kept(self) -> bool:
        """Do the settings name a Keycloak to keep, or does the one of this home run?"""
        from infra.housekeeping import keeps_identity

        return keeps_identity(self._haven)

    def keep_identity(self) -> Summary:
        """Compare the realm, then sync log-ins. Raises RealmUnreachable, RealmNotRepaired."""
        from infra.housekeeping import keep_identity

        return self._told(_of_identity(*keep_identity(self._haven, by=service("housekeeping"))))

    def destroy_overdue(self, progress: Progress = silent) -> Summary:
        """Destroy and certify what may not be kept longer, where its agreement lets the haven do so."""
        from infra.housekeeping import DESTROYED, PURGED, keep_retention

        kinds = Counter(one.kind for one in keep_retention(self._haven, progress))
        said = "What was to end was destroyed." if kinds else "Nothing asks for a destruction today."
        rows = (("deliveries destroyed", str(kinds[DESTROYED])), ("lists of opt-outs purged", str(kinds[PURGED])))
        return self._told(Summary("retention-summary", said, rows))

    def publish_register(self) -> Summary:
        """Publish the public register as of today. Raises RegisterInvalid."""
        from infra.housekeeping import keep_register

        return self._told(_of_register(keep_register(self._haven, by=service("housekeeping"))))

    def _told(self, summary: Summary) -> Summary:
        self.summaries.append(summary)
        return summary


def _of_receipt(receipt: ReceiptSummary) -> Summary:
    taken = tuple((f"rows of {table}", shown_count(rows)) for table, rows in receipt.rows.items())
    bad = tuple((f"in quarantine: {code}", shown_count(rows)) for code, rows in receipt.quarantined.items())
    return Summary("delivery-summary", receipt.headline, (("state", receipt.state), *taken, *bad))


def _of_model(model: TrainedModel) -> Summary:
    rows = (
        ("learned from records", model.card["learned_from"]["records"]),
        ("engine", model.card["engine"]),
        ("prior", model.card["prior"]),
    )
    return Summary("linkage-model", f"Trained model {model.id[:12]}; it waits for its approval.", rows)


def _of_linkage(linked: LinkageSummary) -> Summary:
    if linked.nothing_new:
        return Summary("linkage-summary", "Everything that was received is linked already.")
    steps: dict[int, int] = {}
    for _, step, rows in linked.counts["steps"]:
        steps[step] = steps.get(step, 0) + rows
    rows = tuple((f"rows joined at step {step}", shown_count(count)) for step, count in sorted(steps.items()))
    people = ("people on the spine", shown_count(linked.counts["people"]))
    return Summary("linkage-summary", f"Linked {len(linked.deliveries)} deliveries.", (people, *rows))


def _of_scope(scope: ScopeSummary) -> Summary:
    state = "is published already" if scope.unchanged else "is published"
    rows = tuple((f"rows of {table}", shown_count(count)) for table, count in scope.rows.items())
    return Summary(
        "scope-summary",
        f"{scope.project} version {scope.version} {state}.",
        (("people", shown_count(scope.people)), *rows),
    )


def _of_house(done: Sequence[HouseworkDone]) -> Summary:
    """By kind only: whom it concerned stands in the log, and Prefect shows what it keeps."""
    if not done:
        return Summary("housekeeping-summary", "Everything was done already today.")
    rows = tuple((kind, str(count)) for kind, count in sorted(Counter(one.kind for one in done).items()))
    return Summary("housekeeping-summary", "The day's housekeeping is done.", rows)


def _of_identity(drifted: int, synced: Synced) -> Summary:
    """Counts by what was done: whose log-in it was stands in the log."""
    rows = tuple(
        (kind, str(count)) for kind, count in sorted(Counter(type(one).__name__ for one in synced.steps).items())
    )
    said = "The realm is as it should be" if not drifted else "The realm has drifted: haven identity check names where"
    return Summary("identity-summary", f"{said}; log-ins follow the records.", (("drifted", str(drifted)), *rows))


def _of_register(made: Published) -> Summary:
    if made.unchanged:
        return Summary("register-summary", "The public register says the same already: nothing was written.")
    return Summary("register-summary", "The public register is published.", (("files", str(len(made.files))),))


def _of_release(released: Released) -> Summary:
    return Summary("release-summary", f"Request {released.request}: released.")
