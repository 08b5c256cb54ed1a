"""The register for programs: all of it, and the approved uses with the fields of the data use register standard.

The standard: UK Health Data Research Alliance, "Improving transparency in the use of health data for research:
Recommendations for a data use register standard" (January 2022). The names of the fields are those under which the
Health Data Research Gateway keeps data uses (its interface /api/v2/dur); what this haven does not record is null,
never invented, and applicants are never named. Every file is held to its schema before it is written.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from infra.errors import DeploymentError
from infra.registers.model import LogPosition, PublicProject, PublicRegister

SCHEMAS = Path(__file__).parent / "schemas"
KIND = "haven/register/1"
CONFIDENCE = {
    "section-251": "Set aside under section 251 of the NHS Act 2006",
    "explicit-consent": "Explicit consent of the people concerned",
    "anonymised-before-disclosure": "Not engaged: anonymised before disclosure",
    "legal-duty": "Set aside by a legal duty",
    "public-health-risk": "Set aside under regulation 3 of the Control of Patient Information Regulations",
    "synthetic-data": "Not engaged: synthetic records of nobody",
}
CONFIDENTIAL = (
    "Identifiers, as the support under section 251 names them, are used inside the haven to link the records; the "
    "project sees none of them."
)
OPT_OUT = {"yes": "Yes", "no": "No", None: None}
ENHANCEMENTS = (
    "Linked on keyed tokens; identifiers stay in a zone of their own. Only approved columns, rows and dates, under "
    "pseudonyms of this project, in workspaces that data cannot leave; tables leave after disclosure control and two "
    "people's approval."
)


class RegisterInvalid(DeploymentError):
    """What was made does not fit its schema; nothing was published."""

    code = "register.invalid"
    exit_status = 70


def content_digest(register: PublicRegister) -> str:
    """Of what the register says, without its day and the log's position: has anything changed?"""
    told = {key: value for key, value in asdict(register).items() if key != "as_of"}
    return hashlib.sha256(json.dumps(told, default=str, sort_keys=True).encode()).hexdigest()


def register_data(register: PublicRegister, log: LogPosition) -> dict[str, Any]:
    """All of the register, as register.json holds it."""
    told = {key: value for key, value in asdict(register).items() if key != "as_of"}
    return {
        "kind": KIND,
        "as_of": register.as_of,
        "content_sha256": content_digest(register),
        "log": {"size": log.size, "root_sha256": log.root},
        **told,
    }


def data_uses(register: PublicRegister) -> dict[str, Any]:
    """The approved uses: every project that has been live, with the standard's fields."""
    uses = [_use(one, register) for one in register.projects if one.begun is not None]
    return {"standard": "UK HDR Alliance data use register standard, January 2022", "data_uses": uses}


def as_text(name: str, data: Any) -> bytes:
    """JSON text that fits the schema of this name. Raises RegisterInvalid."""
    plain = json.loads(json.dumps(data, default=str))
    require_fit(name, plain)
    return (json.dumps(plain, indent=2, ensure_ascii=False, sort_keys=True) + "\n").encode()


def require_fit(name: str, plain: Any) -> None:
    """Does the data fit the schema of this name? Raises RegisterInvalid, which names the place and no value."""
    from jsonschema import Draft202012Validator, FormatChecker

    validator = Draft202012Validator(schema(name), format_checker=FormatChecker())
    places = sorted({error.json_path for error in validator.iter_errors(plain)})
    if places:
        raise RegisterInvalid(
            f"The register's {name} does not fit its schema at {', '.join(places[:8])}.",
            where=f"{name}.schema.json",
            mend="Nothing was published. Report this fault.",
        )


@cache
def schema(name: str) -> dict[str, Any]:
    """The schema of this name."""
    found: dict[str, Any] = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    return found


def _use(project: PublicProject, register: PublicRegister) -> dict[str, Any]:
    outputs = [one.what for one in register.disclosures if one.project == project.id and one.kind == "aggregate"]
    linked, told = len(project.datasets) > 1, project.data_use
    return {
        "project_id_text": project.id,
        "project_title": project.title,
        "organisation_name": project.organisation,
        "organisation_id": f"ODS:{told.organisation_code}" if told and told.organisation_code else None,
        "organisation_sector": told.sector if told else None,
        "non_gateway_applicants": [],
        "funders_and_sponsors": list(told.funders) if told else [],
        "accredited_researcher_status": "Yes",
        "sublicence_arrangements": "No",  # nobody takes the data away, so nobody passes them on
        "lay_summary": project.lay_summary,
        "public_benefit_statement": project.benefit,
        "request_category_type": project.purpose,
        "technical_summary": told.technical_summary if told else None,
        "other_approval_committees": [one for one in (project.support, project.ethics) if one],
        "project_start_date": project.begun,
        "project_end_date": min(project.ends, project.closed_on or project.ends),
        "latest_approval_date": project.approved_on,
        "non_gateway_datasets": [name for name, _ in project.datasets],
        "data_sensitivity_level": "De-Personalised",
        "legal_basis_for_data_article6": told.article6 if told else None,
        "legal_basis_for_data_article9": told.article9 if told else None,
        "duty_of_confidentiality": CONFIDENCE[project.legal_basis],
        "national_data_optout": OPT_OUT[project.opt_out],
        "request_frequency": told.frequency if told else None,
        "dataset_linkage_description": "Linked by person inside the haven, on keyed tokens" if linked else None,
        "confidential_data_description": CONFIDENTIAL if project.support else None,
        "access_date": project.begun,
        "access_type": "TRE",
        "privacy_enhancements": ENHANCEMENTS,
        "non_gateway_outputs": outputs,
        "status": project.state,
    }
