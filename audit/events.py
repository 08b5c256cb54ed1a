"""Which facts can the log hold? The names are stable strings, never reused, one past fact each.

Refusals are facts too: each verb that a policy can refuse has its `..._refused`.
"""

from __future__ import annotations

from enum import StrEnum


class EventName(StrEnum):
    """Every event name. The comment of each section names the component that writes it."""

    # audit
    LOG_OPENED = "log.opened"
    CHANGE_ABANDONED = "change.abandoned"  # the entry it names was written, its change was not kept

    # access
    ORGANISATION_REGISTERED = "organisation.registered"
    PERSON_REGISTERED = "person.registered"
    PERSON_REGISTER_REFUSED = "person.register_refused"
    PERSON_SUSPENDED = "person.suspended"
    PERSON_SUSPEND_REFUSED = "person.suspend_refused"
    PERSON_EVIDENCE_RECORDED = "person.evidence_recorded"  # proofing, training, accreditation or acknowledgement
    PERSON_EVIDENCE_REFUSED = "person.evidence_refused"
    PERSON_CLOSED = "person.closed"  # left, or dormant
    PEOPLE_SWEPT = "people.swept"  # an organisation's people were held against its list; whose changes follow
    PERSON_MOVED = "person.moved"  # to another organisation: roles and evidence are asked anew
    SANCTION_IMPOSED = "sanction.imposed"
    SANCTION_LIFTED = "sanction.lifted"
    SANCTION_REFUSED = "sanction.refused"
    EMERGENCY_OPENED = "emergency.opened"  # break-glass: an alert, and a review is due
    EMERGENCY_REFUSED = "emergency.refused"
    EMERGENCY_REVIEWED = "emergency.reviewed"
    OFFICE_RECOVERED = "office.recovered"  # root gave it back to the haven's own account for an hour: an alert
    OFFICE_RECOVER_REFUSED = "office.recover_refused"
    ORGANISATION_REGISTER_REFUSED = "organisation.register_refused"
    ORGANISATION_ASSESSED = "organisation.assessed"
    ORGANISATION_ASSESS_REFUSED = "organisation.assess_refused"
    AGREEMENT_REGISTERED = "agreement.registered"
    AGREEMENT_WITHDRAWN = "agreement.withdrawn"
    AGREEMENT_REFUSED = "agreement.refused"
    AUTHORISER_APPOINTED = "authoriser.appointed"
    AUTHORISER_APPOINT_REFUSED = "authoriser.appoint_refused"
    AUTHORISER_ENDED = "authoriser.ended"
    AUTHORISER_END_REFUSED = "authoriser.end_refused"
    SUPPORT_REGISTERED = "support.registered"
    SUPPORT_REVIEWED = "support.reviewed"  # its annual review
    SUPPORT_WITHDRAWN = "support.withdrawn"
    SUPPORT_REFUSED = "support.refused"
    DATASET_REGISTERED = "dataset.registered"
    DATASET_REFUSED = "dataset.refused"  # the catalogue stays as it was, or a contract was not installed
    PROJECT_DRAFTED = "project.drafted"
    PROJECT_APPLIED = "project.applied"
    PROJECT_APPLY_REFUSED = "project.apply_refused"
    PROJECT_APPROVED = "project.approved"  # by one controller, for its own part
    PROJECT_APPROVE_REFUSED = "project.approve_refused"
    PROJECT_REFUSED = "project.refused"  # by a controller or the Guardian, with the reason
    PROJECT_ENDORSED = "project.endorsed"  # by the Caldicott Guardian, with the answers of the release test
    PROJECT_ENDORSE_REFUSED = "project.endorse_refused"
    PROJECT_WENT_LIVE = "project.went_live"
    PROJECT_SUSPENDED = "project.suspended"
    PROJECT_RESUMED = "project.resumed"
    PROJECT_SUSPEND_REFUSED = "project.suspend_refused"
    PROJECT_RECERTIFIED = "project.recertified"
    PROJECT_RECERTIFY_REFUSED = "project.recertify_refused"
    PROJECT_EXPIRED = "project.expired"  # written by the daily housekeeping; the refusal does not wait for it
    PROJECT_WITHDRAWN = "project.withdrawn"  # one controller takes its approval back
    PROJECT_WITHDRAW_REFUSED = "project.withdraw_refused"
    PROJECT_CLOSED = "project.closed"
    PROJECT_CLOSE_REFUSED = "project.close_refused"
    REMINDER_RAISED = "reminder.raised"  # something falls due, and who must act; once for each step
    HOUSEKEEPING_COMPLETED = "housekeeping.completed"  # once a day, with what was done by kind
    TOKEN_ISSUED = "token.issued"
    TOKEN_REFUSED = "token.refused"
    LOGIN_OPENED = "login.opened"
    LOGIN_REFUSED = "login.refused"  # somebody acted as a person without a login of theirs
    LOGIN_CLOSED = "login.closed"
    ISSUER_KEY_ROTATED = "issuer.key_rotated"

    # access: the realm in Keycloak
    REALM_APPLIED = "realm.applied"
    REALM_DRIFT_FOUND = "realm.drift_found"
    REALM_REPAIRED = "realm.repaired"
    REALM_KEY_CHANGED = "realm.key_changed"  # tokens are signed with a new key from here
    LOGIN_PROVISIONED = "login.provisioned"  # a registered person can log in
    LOGIN_CHANGED = "login.changed"  # it has other roles, or counts again
    LOGIN_DISABLED = "login.disabled"
    REALM_SECRET_GIVEN = "realm.secret_given"  # of the portal's or the hub's client, into a file
    REALM_CHANGE_REFUSED = "realm.change_refused"  # repair, a new signing key, a service's secret
    LOGIN_RESET = "login.reset"  # a new one-time password, and a new second factor
    LOGIN_RESET_REFUSED = "login.reset_refused"

    # access: keys
    KEY_ROOT_ROTATION_STARTED = "key.root_rotation_started"
    KEY_ROOT_ROTATED = "key.root_rotated"
    KEY_PROJECT_ROTATED = "key.project_rotated"
    KEY_ROTATE_REFUSED = "key.rotate_refused"
    KEY_ROUND_CREATED = "key.round_created"
    KEY_ROUND_CREATE_REFUSED = "key.round_create_refused"
    KEY_ROUND_USED = "key.round_used"
    KEY_ROUND_USE_REFUSED = "key.round_use_refused"
    KEY_ROUND_DESTRUCTION_STARTED = "key.round_destruction_started"
    KEY_ROUND_DESTROYED = "key.round_destroyed"
    KEY_ROUND_DESTROY_REFUSED = "key.round_destroy_refused"
    KEY_UNWRAP_REQUESTED = "key.unwrap_requested"
    KEY_UNWRAP_REQUEST_REFUSED = "key.unwrap_request_refused"
    KEY_UNWRAP_APPROVED = "key.unwrap_approved"
    KEY_UNWRAP_APPROVE_REFUSED = "key.unwrap_approve_refused"
    KEY_UNWRAP_HANDED_OUT = "key.unwrap_handed_out"
    KEY_UNWRAP_HAND_OUT_REFUSED = "key.unwrap_hand_out_refused"

    # access: opt-outs
    OPTOUT_DECIDED = "optout.decided"  # under which case a flow falls, and whether its evidence exempts it
    OPTOUT_DECIDE_REFUSED = "optout.decide_refused"
    OPTOUT_OBJECTOR_NAMED = (
        "optout.objector_named"  # found named in the linkage zone: when, by which account, never who
    )
    OPTOUT_OBJECTED = "optout.objected"  # to one controller's or one project's use, under an opaque id
    OPTOUT_ANSWERED = "optout.answered"  # an objection: upheld, declined or withdrawn
    OPTOUT_OBJECTION_REFUSED = "optout.objection_refused"
    OPTOUT_CERTIFIED = "optout.certified"  # which list was applied to a disclosure, and what it changed

    # linkage: opt-outs
    OPTOUT_LIST_ASKED = "optout.list_asked"
    OPTOUT_LIST_RECEIVED = "optout.list_received"
    OPTOUT_LIST_FAILED = "optout.list_failed"
    OPTOUT_LIST_REFUSED = "optout.list_refused"
    OPTOUT_LIST_PURGED = "optout.list_purged"

    # linkage
    CONTRACT_INSTALLED = "contract.installed"
    DELIVERY_RECEIVED = "delivery.received"
    DELIVERY_REFUSED = "delivery.refused"  # what was delivered
    DELIVERY_RECEIVE_REFUSED = "delivery.receive_refused"  # who would take it in
    DELIVERY_REPEATED = "delivery.repeated"  # the same delivery again: nothing changed
    DELIVERY_SUPERSEDED = "delivery.superseded"
    DELIVERY_DESTROYED = "delivery.destroyed"  # its rows count no more, and are removed
    DELIVERY_DESTRUCTION_CERTIFIED = "delivery.destruction_certified"
    DELIVERY_DESTROY_REFUSED = "delivery.destroy_refused"
    LINKAGE_STARTED = "linkage.started"
    LINKAGE_COMPLETED = "linkage.completed"
    LINKAGE_FAILED = "linkage.failed"
    LINKAGE_MODEL_TRAINED = "linkage.model_trained"
    LINKAGE_TRAIN_REFUSED = "linkage.train_refused"
    LINKAGE_MODEL_APPROVED = "linkage.model_approved"
    LINKAGE_APPROVE_REFUSED = "linkage.approve_refused"
    LINKAGE_PAIR_SHOWN = "linkage.pair_shown"  # both records of a doubtful pair, field by field
    LINKAGE_SAMPLE_DRAWN = "linkage.sample_drawn"  # of what was joined, for reviewers to judge
    LINKAGE_PAIR_DECIDED = "linkage.pair_decided"
    LINKAGE_PAIR_UNSURE = "linkage.pair_unsure"  # a reviewer could not tell; others are asked
    LINKAGE_REVIEW_REFUSED = "linkage.review_refused"
    LINKAGE_REFERENCE_LOADED = "linkage.reference_loaded"  # whose number or postcode took another's place
    LINKAGE_REFERENCE_APPROVED = "linkage.reference_approved"
    LINKAGE_REFERENCE_REMOVED = "linkage.reference_removed"
    LINKAGE_REFERENCE_REFUSED = "linkage.reference_refused"
    PERSONS_CHANGED = "linkage.persons_changed"  # by merges and splits: pseudonyms change with them
    SCOPE_PUBLISHED = "scope.published"
    SCOPE_CONFIRMED = "scope.confirmed"  # the same build stands after a delivery was destroyed: it held none of it
    SCOPE_PUBLISH_REFUSED = "scope.publish_refused"

    # environments: gateway
    QUERY_REQUESTED = "query.requested"
    QUERY_COMPLETED = "query.completed"
    QUERY_REFUSED = "query.refused"
    QUERY_FAILED = "query.failed"
    QUERY_BRAKED = "query.braked"
    QUERY_PEOPLE_ASKED = "query.people_asked"  # who stands behind a query, for the release ledger

    # environments: workspaces
    WORKSPACE_OPENED = "workspace.opened"
    WORKSPACE_OPEN_REFUSED = "workspace.open_refused"
    WORKSPACE_CLOSED = "workspace.closed"
    WORKSPACE_USED = "workspace.used"  # bytes through the edge, processor seconds, memory
    CELL_EXECUTED = "workspace.cell_executed"
    FILE_CHANGED = "workspace.file_changed"  # from the browser: an upload, a save, a renaming, a deletion

    # environments: airlock
    RELEASE_DRAFTED = "release.drafted"
    RELEASE_SUBMITTED = "release.submitted"
    RELEASE_SUBMIT_REFUSED = "release.submit_refused"
    RELEASE_CHECKED = "release.checked"
    RELEASE_RETURNED = "release.returned"
    RELEASE_LOOK_REFUSED = "release.look_refused"
    RELEASE_FILE_TAKEN = "release.file_taken"  # by a checker, to open it
    RELEASE_DECIDED = "release.decided"  # one checker's verdict
    RELEASE_DECIDE_REFUSED = "release.decide_refused"
    RELEASE_REVIEWED = "release.reviewed"  # every blind verdict is in; they are told with it
    RELEASE_HELD_FOR_CONTROLLER = "release.held_for_controller"
    RELEASE_APPROVED = "release.approved"
    RELEASE_REJECTED = "release.rejected"
    RELEASE_INSPECTED = "release.inspected"  # again, before a release: by new rules, or where there was no record
    RELEASE_STARTED = "release.started"
    RELEASE_RELEASED = "release.released"
    RELEASE_RELEASE_REFUSED = "release.release_refused"
    RELEASE_WITHDRAWN = "release.withdrawn"
    RELEASE_LAPSED = "release.lapsed"
    RELEASE_RECALLED = "release.recalled"
    RELEASE_RECALL_REFUSED = "release.recall_refused"
    RELEASE_RECALL_ACKNOWLEDGED = "release.recall_acknowledged"
    RELEASE_WITHDRAW_REFUSED = "release.withdraw_refused"
    RELEASE_FAILED = "release.failed"
    IMPORT_REQUESTED = "import.requested"
    IMPORT_REQUEST_REFUSED = "import.request_refused"
    IMPORT_APPROVED = "import.approved"
    IMPORT_REFUSED = "import.refused"  # by a checker, who says why
    IMPORT_DECIDE_REFUSED = "import.decide_refused"
    IMPORT_DELIVERED = "import.delivered"
    IMPORT_DELIVER_REFUSED = "import.deliver_refused"
    IMPORT_WITHDRAWN = "import.withdrawn"
    IMPORT_WITHDRAW_REFUSED = "import.withdraw_refused"
    IMPORT_RECALLED = "import.recalled"
    IMPORT_RECALL_REFUSED = "import.recall_refused"
    PACKAGE_REQUESTED = "package.requested"
    PACKAGE_REQUEST_REFUSED = "package.request_refused"
    PACKAGE_APPROVED = "package.approved"
    PACKAGE_REFUSED = "package.refused"  # by a checker, who says why
    PACKAGE_REVIEW_REFUSED = "package.review_refused"
    PACKAGE_MIRRORED = "package.mirrored"
    PACKAGE_MIRROR_REFUSED = "package.mirror_refused"
    PACKAGE_REMOVED = "package.removed"

    # infra
    REGISTER_PUBLISHED = "register.published"  # the public pages, by their digest
    HAVEN_STARTED = "haven.started"
    HAVEN_STOPPED = "haven.stopped"
