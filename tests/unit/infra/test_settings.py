"""The one settings model: defaults, files, and refusal of what it does not know."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.settings import LONGEST_SOCKET_FOLDER, SettingsError, load_settings


def test_without_a_file_the_embedded_default_stands(tmp_path: Path) -> None:
    """A home without haven.toml gets SQLite, no real data, and folders of its own for each zone."""
    settings = load_settings(tmp_path)
    assert settings.database_url.startswith("sqlite:///")
    assert settings.real_data is False
    assert settings.linkage_zone != settings.research_zone


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("real_dat = true", "real_dat"),
        ("[gateway]\nrow_limit = 0", "gateway.row_limit"),
        ("home = 'x'", "home"),
        ("organisation = 'Our Team'", "organisation"),
        ("[keys]\nroot = 'paper'", "keys.root"),
        ("[keys]\nroot = 'pkcs11'", "[keys.pkcs11]"),
        ("[keys]\nroot = 'transit'", "[keys.transit]"),
        ("[keys.transit]\naddress = 'https://x'", "keys.transit.token_file"),
        ("[keys.pkcs11]\npin = '1234'", "keys.pkcs11.pin"),
        ("[linkage]\nengine = 'sail'", "linkage.engine"),
        ("[linkage.spark]\nmaster = 'nonsense'", "linkage.spark.master"),
        ("[linkage.spark]\nmemory = 'much'", "linkage.spark.memory"),
        ("[linkage.partitions]\nworkers = 0", "linkage.partitions.workers"),
        ("real_data = true\n[linkage]\nengine = 'spark'", "[linkage.spark] folder"),
    ],
)
def test_a_wrong_key_is_an_error_that_names_it(tmp_path: Path, text: str, key: str) -> None:
    """An unknown key, a value out of range or a key that may not stand there is refused by name."""
    (tmp_path / "haven.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path)
    assert key in str(caught.value)


def test_sockets_fit_their_limit_in_a_deep_home(tmp_path: Path) -> None:
    """A home with a long path keeps its sockets where their paths fit a Unix socket's 107 bytes."""
    deep = tmp_path / ("d" * 90) / "home"
    assert len(str(load_settings(deep).run_folder)) <= LONGEST_SOCKET_FOLDER
    assert load_settings(deep).run_folder == load_settings(deep).run_folder


REAL = "real_data = true\n[identity]\n"


@pytest.mark.parametrize(
    "text",
    [
        "real_data = true",
        REAL + "issuer = 'http://127.0.0.1:8080/realms/haven'",
        REAL + "issuer = 'https://127.0.0.1/realms/haven'",
        REAL + "issuer = 'https://haven.localhost/issuer'",
        REAL + "issuer = 'https://id.example/realms/haven'\nrequire_second_factor = false",
        "[identity]\nissuer = 'http://id.example/realms/haven'",
        "[identity]\nissuer = 'https://asha@id.example'",
        "[identity]\nalgorithms = ['none']",
        "[identity]\nalgorithms = ['HS256']",
        "[identity]\nalgorithms = []",
        "[identity]\nclients = []",
        "[identity]\nclient = 'other'",
        "[identity]\nsecond_factor_levels = []",
    ],
)
def test_who_says_who_somebody_is_must_be_fit(tmp_path: Path, text: str) -> None:
    """With real data an https issuer that is not this machine's, and a second factor; never a shared secret."""
    (tmp_path / "haven.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"identity|issuer"):
        load_settings(tmp_path)


def test_an_identity_provider_for_real_data_and_one_on_this_machine_without(tmp_path: Path) -> None:
    """Both are taken where they may be."""
    (tmp_path / "haven.toml").write_text(REAL + "issuer = 'https://id.example/realms/haven'", encoding="utf-8")
    assert load_settings(tmp_path).identity.require_second_factor
    (tmp_path / "haven.toml").write_text("[identity]\nissuer = 'http://127.0.0.1:8080/realms/haven'", encoding="utf-8")
    assert load_settings(tmp_path).identity.issuer
