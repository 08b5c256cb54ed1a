"""What does an applicant fill in? A project file with a comment on every key."""

from __future__ import annotations

PROJECT_TEMPLATE = """\
# A project, as its applicant describes it. `haven project check FILE` says what is missing.
id: my-project                  # lower-case letters, digits and hyphens; never changed later
title: What the project is called in the public register
lay_summary: >-
  Two or three sentences that a member of the public understands: what is asked, of whose records, and who gains.
purpose: research               # research, risk-stratification, population-health-management, commissioning,
                                # audit, public-health
legal_basis: section-251        # section-251, explicit-consent, anonymised-before-disclosure, legal-duty,
                                # public-health-risk, synthetic-data
support: 26/CAG/0001            # for section-251: the Confidentiality Advisory Group's reference
ethics: 26/LO/0001              # for research: the research ethics committee's reference
impact_assessment: {reference: DPIA-001, review_due: 2027-06-30}
benefit: Whom the project serves, for the public register
data_use:                       # what else the public register of data uses tells; asked for real people's data
  article6: 6(1)(e)             # of the UK GDPR; 6(1)(e): a task in the public interest
  article9: 9(2)(j)             # 9(2)(h): health or social care, 9(2)(i): public health, 9(2)(j): research
  sector: academia              # academia, nhs, local-authority, government, charity, industry, independent-care
  technical_summary: How the data are used, for readers who know the methods
  frequency: one-off            # or recurring
  funders: [A funder]
lead: asha                      # answers for the project; says every quarter who still needs access
people: [asha]                  # registered researchers who may query; `haven person list`
datasets:                       # per dataset and table the columns, each with why the purpose needs it
  gp:
    tables:
      gp_events:
        columns:
          event_date: Why the date of the event is needed
          code: Why the coded event is needed
        dates: month            # dates are cut to day, month or year before anybody sees them
        period: {column: event_date, from: 2020-01-01, to: 2025-12-31}
cohort:                         # only people with such a row; leave out for everybody
  - {table: gp_events, column: code, op: "=", values: ["44054006"]}
disclosure_profile: nhs_england_sde
ends: 2027-12-31
"""
