"""What evidence has an invented person? All of it: for synthetic data only, where nobody's records are at stake."""

from __future__ import annotations

from datetime import date, timedelta

from access.organisations.model import SecurityAssessment, SecurityStatus
from access.people.model import TRAINING_HOLDS, Accreditation, Evidence, Proofing, ProofingKind, Training, TrainingKind

INVENTED = "service:invention"
INVENTED_ODS = "X26ZZ"


def invented_evidence(today: date, holds: timedelta | None = None) -> Evidence:
    """Everything that any role needs, as of this day; `holds` shortens how long the trainings hold."""
    trainings = tuple(Training(kind, today, 95, today + (holds or TRAINING_HOLDS[kind])) for kind in TrainingKind)
    return Evidence(
        proofing=Proofing(ProofingKind.EMPLOYER_VOUCHED, INVENTED, today),
        trainings=trainings,
        accreditation=Accreditation("invented", "INV-0001", today + timedelta(days=5 * 365)),
        acknowledged_on=today,
    )


def invented_assessment(today: date) -> SecurityAssessment:
    """An organisation's toolkit status, as of this day."""
    return SecurityAssessment(INVENTED_ODS, SecurityStatus.STANDARDS_MET, today + timedelta(days=5 * 365))
