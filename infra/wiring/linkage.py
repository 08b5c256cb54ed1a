"""How are deliveries linked, and made a project's file? The linker, its reference tables, the publisher."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from audit.progress import Progress, silent
from infra.wiring.opt_outs import OptOutParts

if TYPE_CHECKING:
    from linkage.matching.service import Linker
    from linkage.references.service import ReferenceTables
    from linkage.scopes.service import ScopePublisher, ScopeSummary


class LinkageParts(OptOutParts):
    """What links, and what publishes."""

    @cached_property
    def linker(self) -> Linker:
        """Links what was received to the person spine."""
        from infra.engines import linkage_engine
        from linkage.matching.service import Linker

        settings = self.settings
        return Linker(
            self.zone_runner,
            self.keyring,
            self.records,
            settings.reports_folder,
            access=self.access,
            real_data=settings.real_data,
            most_pairs=settings.linkage.most_pairs,
            engine=linkage_engine(settings, self.run_pieces),
        )

    @cached_property
    def reference_tables(self) -> ReferenceTables:
        """Whose NHS number or postcode took another's place."""
        from linkage.references.door import ReadAtTheDoor
        from linkage.references.service import ReferenceTables

        return ReferenceTables(
            self.zone_runner,
            self.records,
            self.access,
            real_data=self.settings.real_data,
            door=ReadAtTheDoor(self._intake_place()) if self.settings.separated else None,
        )

    @cached_property
    def scope_publisher(self) -> ScopePublisher:
        """Builds the file that a project's queries run on."""
        from linkage.optouts.gate import OptOutGate
        from linkage.scopes.service import ScopePublisher
        from linkage.separation.ports import runner_of

        zones, real_data = runner_of(self.zone_runner), self.settings.real_data
        gate = OptOutGate(zones, self.disclosures, self.records, test_range=not real_data)
        return ScopePublisher(self.zone_runner, self.keyring, self.records, self.settings.scopes_folder, gate=gate)

    def publish_scope(self, project: str, progress: Progress = silent) -> ScopeSummary:
        """Publish what the project's live approval allows. Raises RefusedError, which is recorded."""
        from access.decisions import RefusedError
        from audit.events import EventName
        from audit.model import service

        publisher = service("publisher")
        try:
            scope = self.access.live_scope(project)
        except RefusedError as error:
            self.records.note(EventName.SCOPE_PUBLISH_REFUSED, by=publisher, project=project, rule=error.refused.code)
            raise
        return self.scope_publisher.publish(scope, by=publisher, progress=progress)
