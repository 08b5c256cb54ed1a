"""How does systemd start an installed haven? One unit for each account's process, from the same table of accounts."""

from __future__ import annotations

from pathlib import Path

from infra.accounts.layout import INTAKE, ORCHESTRATOR, PROCESSES, Accounts, owned_folders
from infra.settings import ROOT, Settings

HARDENED = """NoNewPrivileges=yes
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
UMask=0077"""
"""Of a zone's process: no network, no device, no privilege, no debugger, and nothing to write but its own folders."""
OF_THE_ORCHESTRATOR = """NoNewPrivileges=yes
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
OOMPolicy=continue"""
"""Of the process that starts log, gateway, hub and Prefect. Workspaces and workers are sandboxes within this unit, so

- nothing may cover a part of /proc (ProtectKernelTunables, ProtectKernelLogs, ProcSubset): the kernel then mounts none
  in a sandbox, and none starts; nor may namespaces and the host's name in them be closed (RestrictNamespaces,
  ProtectHostname);
- nor may processes be hidden (ProtectProc): one that lets nobody look at it would not be counted in its workspace;
- when the machine's memory ends, a workspace goes first, and the haven stays (OOMPolicy);
- it is told alone to stop (KillMode): it stops its services in their order, and what was used is still recorded.
"""


def units(settings: Settings, python: Path) -> dict[str, str]:
    """The units' texts by file name. python: of the haven's environment."""
    accounts = Accounts.wanted(settings)
    made = {f"haven-{process}.service": _zone_unit(settings, accounts, process, python) for process in PROCESSES}
    return {**made, "haven.service": _orchestrator_unit(settings, accounts, python)}


def _zone_unit(settings: Settings, accounts: Accounts, process: str, python: Path) -> str:
    own = [str(folder.path) for folder in owned_folders(settings) if folder.owner == process]
    after = "\nAfter=haven-linkage.service haven-research.service" if process == INTAKE else ""
    return f"""[Unit]
Description=Haven: the {process}{"" if process == INTAKE else " zone"}{after}

[Service]
User={accounts.names[process]}
Group={accounts.names[process]}
WorkingDirectory={ROOT}
ExecStart={python} -P -m infra.cli zone serve {process} --home {settings.home}
Restart=on-failure
ReadWritePaths={" ".join(own)}
{HARDENED}

[Install]
WantedBy=multi-user.target
"""


def _orchestrator_unit(settings: Settings, accounts: Accounts, python: Path) -> str:
    before = " ".join(["network-online.target", *(f"haven-{process}.service" for process in PROCESSES)])
    return f"""[Unit]
Description=Haven: log, gateway, hub with edge and gate, flows
Wants={before}
After={before}

[Service]
User={accounts.names[ORCHESTRATOR]}
Group={accounts.names[ORCHESTRATOR]}
WorkingDirectory={ROOT}
ExecStart={python} -P -m infra.cli up --home {settings.home}
Restart=on-failure
ReadWritePaths={settings.home}
InaccessiblePaths={settings.linkage_zone} {settings.research_zone} {settings.intake_folder}
{OF_THE_ORCHESTRATOR}

[Install]
WantedBy=multi-user.target
"""
