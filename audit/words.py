"""What does an event say, in words? One sentence part per event name; the reader of the log needs no code."""

from __future__ import annotations

from audit.events import EventName
from audit.model import AuditEvent

WORDS: dict[EventName, str] = {
    EventName.LOG_OPENED: "opened the log",
    EventName.CHANGE_ABANDONED: "noted that a recorded change was not kept",
    EventName.ORGANISATION_REGISTERED: "registered an organisation",
    EventName.PERSON_REGISTERED: "registered a person",
    EventName.PERSON_REGISTER_REFUSED: "was refused to register a person",
    EventName.PERSON_SUSPENDED: "suspended a person",
    EventName.PERSON_SUSPEND_REFUSED: "was refused to suspend a person",
    EventName.DATASET_REGISTERED: "registered a dataset",
    EventName.PROJECT_APPLIED: "applied for the project",
    EventName.PROJECT_APPLY_REFUSED: "was refused the application",
    EventName.PROJECT_APPROVED: "approved its own part of the project",
    EventName.PROJECT_APPROVE_REFUSED: "was refused to approve the project",
    EventName.PROJECT_WENT_LIVE: "made the last decision: the project is live",
    EventName.PROJECT_WITHDRAWN: "withdrew its approval of the project",
    EventName.PROJECT_WITHDRAW_REFUSED: "was refused to withdraw an approval",
    EventName.PROJECT_CLOSED: "closed the project",
    EventName.PROJECT_CLOSE_REFUSED: "was refused to close the project",
    EventName.REMINDER_RAISED: "told who must act of what falls due",
    EventName.HOUSEKEEPING_COMPLETED: "did the day's housekeeping",
    EventName.TOKEN_ISSUED: "was given a token",
    EventName.TOKEN_REFUSED: "was refused for a token that does not hold",
    EventName.KEY_ROOT_ROTATION_STARTED: "began to rotate the root key",
    EventName.KEY_ROOT_ROTATED: "rotated the root key; no other key changed",
    EventName.KEY_PROJECT_ROTATED: "gave the project a new key",
    EventName.KEY_ROTATE_REFUSED: "was refused to rotate a key",
    EventName.KEY_ROUND_CREATED: "made the key of a round",
    EventName.KEY_ROUND_CREATE_REFUSED: "was refused to make the key of a round",
    EventName.KEY_ROUND_USED: "took the key of a round, once and sealed",
    EventName.KEY_ROUND_USE_REFUSED: "was refused the key of a round",
    EventName.KEY_ROUND_DESTRUCTION_STARTED: "began to destroy the key of a round",
    EventName.KEY_ROUND_DESTROYED: "destroyed the key of a round and certified it",
    EventName.KEY_ROUND_DESTROY_REFUSED: "was refused to destroy the key of a round",
    EventName.KEY_UNWRAP_REQUESTED: "asked for the project's key",
    EventName.KEY_UNWRAP_REQUEST_REFUSED: "was refused to ask for the project's key",
    EventName.KEY_UNWRAP_APPROVED: "approved that the project's key is handed out, sealed",
    EventName.KEY_UNWRAP_APPROVE_REFUSED: "was refused to approve a handing out of the project's key",
    EventName.KEY_UNWRAP_HANDED_OUT: "was handed the project's key, sealed for its recipient",
    EventName.KEY_UNWRAP_HAND_OUT_REFUSED: "was refused the project's key",
    EventName.CONTRACT_INSTALLED: "put a dataset contract in force",
    EventName.DELIVERY_RECEIVED: "took in a delivery",
    EventName.DELIVERY_REFUSED: "refused a delivery",
    EventName.DELIVERY_REPEATED: "was given a delivery again that was in already; nothing changed",
    EventName.DELIVERY_SUPERSEDED: "replaced a delivery by its correction",
    EventName.DELIVERY_DESTROYED: "destroyed a delivery: its rows count no more and are removed",
    EventName.DELIVERY_DESTRUCTION_CERTIFIED: "certified that a delivery was destroyed",
    EventName.DELIVERY_DESTROY_REFUSED: "was refused to destroy a delivery",
    EventName.LINKAGE_STARTED: "began to link",
    EventName.LINKAGE_COMPLETED: "linked what had come in",
    EventName.LINKAGE_FAILED: "could not finish linking",
    EventName.LINKAGE_MODEL_TRAINED: "trained a model of linkage",
    EventName.LINKAGE_TRAIN_REFUSED: "was refused to train a model of linkage",
    EventName.LINKAGE_MODEL_APPROVED: "approved a model of linkage",
    EventName.LINKAGE_APPROVE_REFUSED: "was refused to approve a model of linkage",
    EventName.LINKAGE_PAIR_SHOWN: "looked at both records of a doubtful pair",
    EventName.LINKAGE_SAMPLE_DRAWN: "drew a sample of joined records for review",
    EventName.LINKAGE_PAIR_DECIDED: "decided whether two records are one person's",
    EventName.LINKAGE_PAIR_UNSURE: "could not tell whether two records are one person's",
    EventName.LINKAGE_REVIEW_REFUSED: "was refused to review doubtful pairs",
    EventName.LINKAGE_REFERENCE_LOADED: "loaded a table of superseded numbers or postcodes",
    EventName.LINKAGE_REFERENCE_APPROVED: "approved a table of superseded numbers or postcodes",
    EventName.LINKAGE_REFERENCE_REMOVED: "removed a table of superseded numbers or postcodes",
    EventName.LINKAGE_REFERENCE_REFUSED: "was refused to change a table of superseded numbers or postcodes",
    EventName.PERSONS_CHANGED: "found that persons of the spine are one, or are several",
    EventName.SCOPE_PUBLISHED: "built the project's own file",
    EventName.SCOPE_PUBLISH_REFUSED: "was refused to build the project's file",
    EventName.QUERY_REQUESTED: "asked a query",
    EventName.QUERY_COMPLETED: "was given the whole result of a query",
    EventName.QUERY_REFUSED: "was refused a query",
    EventName.QUERY_FAILED: "had a query that failed",
    EventName.WORKSPACE_OPENED: "opened a workspace",
    EventName.WORKSPACE_OPEN_REFUSED: "was refused a workspace",
    EventName.WORKSPACE_CLOSED: "closed a workspace",
    EventName.RELEASE_DRAFTED: "began a request to release",
    EventName.RELEASE_SUBMITTED: "submitted a request to release",
    EventName.RELEASE_SUBMIT_REFUSED: "was refused a request to release",
    EventName.RELEASE_CHECKED: "ran the disclosure check over a request",
    EventName.RELEASE_RETURNED: "returned a request to its author",
    EventName.RELEASE_DECIDED: "gave a verdict on a request",
    EventName.RELEASE_DECIDE_REFUSED: "was refused to give a verdict",
    EventName.RELEASE_REVIEWED: "gave the last of the independent verdicts on a request",
    EventName.RELEASE_HELD_FOR_CONTROLLER: "passed a request on to the controllers that kept a veto",
    EventName.RELEASE_APPROVED: "approved a request with the last verdict it needed",
    EventName.RELEASE_REJECTED: "rejected a request",
    EventName.RELEASE_STARTED: "began to release files",
    EventName.RELEASE_RELEASED: "released files",
    EventName.RELEASE_RELEASE_REFUSED: "was refused to release",
    EventName.RELEASE_WITHDRAWN: "withdrew a request",
    EventName.RELEASE_LAPSED: "let an idle request lapse",
    EventName.RELEASE_RECALLED: "recalled a release",
    EventName.RELEASE_RECALL_REFUSED: "was refused to recall a release",
    EventName.RELEASE_RECALL_ACKNOWLEDGED: "recorded that a recipient acknowledged a recall",
    EventName.RELEASE_WITHDRAW_REFUSED: "was refused to withdraw a request",
    EventName.RELEASE_FAILED: "could not check or release a request",
    EventName.REGISTER_PUBLISHED: "published the public register",
    EventName.HAVEN_STARTED: "started the haven",
    EventName.HAVEN_STOPPED: "stopped the haven",
}


def in_words(event: AuditEvent) -> str:
    """One line: when, who, what, concerning what, and the details as written."""
    when = event.at.strftime("%Y-%m-%d %H:%M:%S")
    who = event.by.replace(":", " ", 1)
    what = WORDS.get(event.name, event.name.value)
    concerning = [f"project {event.project}"] if event.project else []
    concerning += [f"dataset {event.dataset}"] if event.dataset else []
    about = f" ({', '.join(concerning)})" if concerning else ""
    details = "; ".join(f"{key} {_short(value)}" for key, value in event.details.items())
    return f"{when}  {who} {what}{about}" + (f": {details}" if details else "")


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
