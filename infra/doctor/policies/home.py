"""Is what lies in the home this account's alone, and are the settings and the keys fit?"""

from __future__ import annotations

from collections.abc import Sequence

from infra.accounts.check import Looked
from infra.doctor.facts import PathFacts, RealDataFacts
from infra.doctor.model import ACCOUNTS, HOME, KEYS, Finding, doubtful, holds, unseen, wrong

OTHERS, OTHERS_WRITE = 0o077, 0o022


def home_folder(facts: PathFacts) -> Finding:
    """Is the home this account's, and closed to others? (Where accounts are installed it is root's: `accounts`.)"""
    what = str(facts.path)
    problem = _not_ours(facts)
    if problem:
        return problem
    if not facts.folder:
        mend = "Name its folder with --home or HAVEN_HOME."
        return wrong(HOME, what, "is no folder", "A haven lies in a folder.", mend)
    if facts.mode & OTHERS_WRITE:
        why = "Whoever can write in it can put something else in the place of its folders."
        return wrong(HOME, what, f"others may write in it ({facts.mode:04o})", why, f"chmod 0700 {what}")
    if facts.mode & OTHERS:
        why = "Its folders are closed one by one; closed as a whole, a slip in one of them would show nothing."
        return doubtful(HOME, what, f"open to others ({facts.mode:04o})", why, f"chmod 0700 {what}")
    return holds(HOME, what, f"this account's, and closed to others ({facts.mode:04o})")


def private_folders(folders: Sequence[PathFacts], *, home_closed: bool) -> list[Finding]:
    """Folders with data or secrets: this account's, and closed to others themselves or by the home around them."""
    bad = [finding for facts in folders if (finding := _folder(facts, home_closed=home_closed))]
    sound = len(folders) - len(bad)
    told = f"{sound} are this account's and closed to others"
    return bad + ([holds(HOME, "folders of the home", told)] if sound else [])


def _folder(facts: PathFacts, *, home_closed: bool) -> Finding | None:
    if problem := _not_ours(facts):
        return problem
    if facts.mode & OTHERS_WRITE or (facts.mode & OTHERS and not home_closed):
        why = "Other accounts of this machine can read or change what the haven keeps there."
        return wrong(HOME, str(facts.path), f"open to others ({facts.mode:04o})", why, f"chmod 0700 {facts.path}")
    return None


def secrets(files: Sequence[PathFacts]) -> list[Finding]:
    """Files with secrets: regular, this account's, readable to nobody else."""
    bad = [finding for facts in files if (finding := _secret(facts))]
    sound = len(files) - len(bad)
    told = f"{sound} are readable to this account only"
    return bad + ([holds(HOME, "files with secrets", told)] if sound else [])


def _secret(facts: PathFacts) -> Finding | None:
    if facts.seen and not facts.there:
        why = "What the settings name as a secret's file is not there."
        return wrong(HOME, str(facts.path), "is missing", why, "Put it there, mode 0600; or correct the settings.")
    if problem := _not_ours(facts):
        return problem
    if facts.folder or facts.mode & OTHERS:
        why = "Whoever reads it can act as the haven."
        mend = f"chmod 0600 {facts.path}; then give what it holds a new value: others may have read it."
        return wrong(HOME, str(facts.path), f"readable to others ({facts.mode:04o})", why, mend)
    return None


def _not_ours(facts: PathFacts) -> Finding | None:
    what = str(facts.path)
    if not facts.seen:
        return unseen(HOME, what, "Ask as the account that runs the haven, or as root.")
    if not facts.there:
        return wrong(HOME, what, "is missing", "What lies in it cannot be reached.", "Restore it from its backup.")
    if not facts.plain:
        return wrong(HOME, what, "is a link or something else", "It leads elsewhere.", "Look who put it there.")
    if not facts.own:
        why = "Its owner can read and change it; and the haven, run by this account, may not."
        mend = f"Run the haven as {facts.owner}, or as root: chown -R this account's {what}"
        return wrong(HOME, what, f"belongs to {facts.owner}", why, mend)
    return None


def settings(problem: str | None, path: str, mend: str = "") -> Finding:
    """Can the settings be read? problem: what is wrong in them."""
    if problem is None:
        return holds(HOME, "settings", f"{path} can be read" if path else "none are set: everything as it ships")
    why = "Nothing of the haven starts with them; the rest was looked at as if none were set."
    return wrong(HOME, "settings", problem, why, mend)


def real_data(facts: RealDataFacts) -> list[Finding]:
    """With real data, what the settings must say beyond what they refuse themselves; else one line that says so."""
    if not facts.declared:
        return [holds(HOME, "real data", "none may be held here (real_data is not set): a demo's arrangements serve")]
    told = [(f"real data: {what}", problem, mend) for what, problem, mend in _required(facts)]
    why = "With real data the haven refuses to work without it."
    return [
        holds(HOME, what, "as it must be") if problem is None else wrong(HOME, what, problem, why, mend)
        for what, problem, mend in told
    ]


def _required(facts: RealDataFacts) -> list[tuple[str, str | None, str]]:
    cipher = facts.cipher_problem or (None if facts.cipher else "duckdb_httpfs is not set")
    passphrase = facts.passphrase_problem or (None if facts.passphrase else "passphrase_file is not set")
    return [
        ("accounts", None if facts.separated else "one account would open both zones", "haven accounts install"),
        ("cipher of the zones", cipher, "Name DuckDB's httpfs extension, root's file, as duckdb_httpfs in haven.toml."),
        ("passphrase", passphrase, "Name a file on another volume, mode 0600, as passphrase_file in haven.toml."),
        ("passphrases of the zones", facts.passphrases_problem, "Name their folder as [accounts] passphrases."),
        (
            "log-in at the hub",
            None if facts.hub_log_in else "people would come by one-time codes, and no hub starts",
            "Name the secret of the client haven-hub as [identity] hub_secret_file (docs/workspaces.md).",
        ),
    ]


def account(looked: Looked, *, declared: bool) -> Finding:
    """What `haven accounts check` says of one thing. declared: real data may be held."""
    if not looked.seen:
        return unseen(ACCOUNTS, looked.what, "As root: haven doctor")
    if looked.amiss is None:
        return holds(ACCOUNTS, looked.what, looked.found)
    why, mend = looked.amiss, looked.mend or "haven accounts install"
    if looked.what == "accounts" and not declared:  # none are installed
        return doubtful(
            ACCOUNTS, looked.what, looked.found, why, "For synthetic data only. Else: haven accounts install"
        )
    return wrong(ACCOUNTS, looked.what, looked.found, why, mend)


def keys(root: str | None, problem: str | None, mend: str = "") -> Finding:
    """Are the keys sealed, and do they open here? root: where the root key lies; None: there are no keys yet."""
    if problem is not None:
        why = "Nothing that lies encrypted in this home can be opened: zones, scopes, evidence, deliveries."
        return wrong(KEYS, "role keys", problem, why, mend)
    if root is None:
        why = "They are made with the first thing that needs them."
        return doubtful(KEYS, "role keys", "none yet", why, "haven keys list makes and shows them")
    return holds(KEYS, "role keys", f"sealed by the root key ({root}), and open with their check values")
