"""The systemd units of an installed haven: compared whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from infra.accounts.units import HARDENED, units
from infra.settings import ROOT, Settings
from infra.settings_tables import AccountSettings

LINKAGE = f"""[Unit]
Description=Haven: the linkage zone

[Service]
User=haven-linkage
Group=haven-linkage
WorkingDirectory={ROOT}
ExecStart=/opt/haven/bin/python -P -m infra.cli zone serve linkage --home /srv/haven
Restart=on-failure
ReadWritePaths=/srv/haven/zones/linkage /srv/haven/keys/linkage /srv/haven/run/zones/linkage
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
PrivateNetwork=yes
ProtectProc=invisible
ProcSubset=pid
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictAddressFamilies=AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
CapabilityBoundingSet=
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @debug
SystemCallArchitectures=native
LimitCORE=0
UMask=0077

[Install]
WantedBy=multi-user.target
"""
INTAKE = f"""[Unit]
Description=Haven: the intake
After=haven-linkage.service haven-research.service

[Service]
User=haven-intake
Group=haven-intake
WorkingDirectory={ROOT}
ExecStart=/opt/haven/bin/python -P -m infra.cli zone serve intake --home /srv/haven
Restart=on-failure
ReadWritePaths=/srv/haven/intake /srv/haven/inbox /srv/haven/keys/intake /srv/haven/run/zones/intake
{HARDENED}

[Install]
WantedBy=multi-user.target
"""
ORCHESTRATOR = f"""[Unit]
Description=Haven: log, gateway, hub with edge and gate, flows
Wants=network-online.target haven-linkage.service haven-research.service haven-intake.service
After=network-online.target haven-linkage.service haven-research.service haven-intake.service

[Service]
User=haven
Group=haven
WorkingDirectory={ROOT}
ExecStart=/opt/haven/bin/python -P -m infra.cli up --home /srv/haven
Restart=on-failure
ReadWritePaths=/srv/haven
InaccessiblePaths=/srv/haven/zones/linkage /srv/haven/zones/research /srv/haven/intake
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
ProtectClock=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
CapabilityBoundingSet=
SystemCallFilter=~@clock @cpu-emulation @debug @module @obsolete @raw-io @reboot @swap
SystemCallErrorNumber=EPERM
SystemCallArchitectures=native
LimitCORE=0
UMask=0077
KillMode=mixed
TimeoutStopSec=120
OOMPolicy=continue

[Install]
WantedBy=multi-user.target
"""


def test_the_units_are_these() -> None:
    """One unit for each account's process, each with nothing to write but its account's folders."""
    made = units(Settings(home=Path("/srv/haven")), Path("/opt/haven/bin/python"))
    research = LINKAGE.replace("linkage", "research")
    assert made == {
        "haven-linkage.service": LINKAGE,
        "haven-research.service": research,
        "haven-intake.service": INTAKE,
        "haven.service": ORCHESTRATOR,
    }


def test_two_parts_never_share_an_account() -> None:
    """Settings that give two parts one account are an error at start."""
    with pytest.raises(ValidationError, match="account of its own"):
        AccountSettings(linkage="same", research="same")


def test_what_is_no_accounts_name_is_refused() -> None:
    """A name goes to useradd and into units: only what is one."""
    for name in ("-o", "a b", "root\n", "", "x" * 33):
        with pytest.raises(ValidationError):
            AccountSettings(linkage=name)
