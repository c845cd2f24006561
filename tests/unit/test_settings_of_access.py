"""The settings that say who may reach what, and whom we reach."""

from pathlib import Path

import pytest

from inscrit.config import Config, SettingError, load


def read(tmp_path: Path, **environ: str) -> Config:
    return load({"INSCRIT_DATA_DIR": str(tmp_path)} | environ, tmp_path / "none")


def test_by_default_nobody_and_nothing(tmp_path: Path) -> None:
    settings = read(tmp_path)
    assert settings.cors_origins == settings.embed_origins == frozenset()
    assert settings.outgoing_private_hosts == frozenset()
    assert settings.require_second_factor is False


def test_several_are_separated_by_commas_or_white_space(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        CORS_ORIGINS="https://a.example, http://localhost:3000",
        EMBED_ORIGINS="*",
        OUTGOING_PRIVATE_HOSTS="ERP.lan\n10.0.0.5",
        REQUIRE_SECOND_FACTOR="yes",
    )
    assert settings.cors_origins == {"https://a.example", "http://localhost:3000"}
    assert settings.embed_origins == {"*"}
    assert settings.outgoing_private_hosts == {"erp.lan", "10.0.0.5"}
    assert settings.require_second_factor is True


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CORS_ORIGINS", "www.a.example"),
        ("CORS_ORIGINS", "https://a.example/"),
        ("EMBED_ORIGINS", "https://a.example;frame-src"),
        ("EMBED_ORIGINS", "'none'"),
        ("OUTGOING_PRIVATE_HOSTS", "http://erp.lan"),
        ("REQUIRE_SECOND_FACTOR", "perhaps"),
    ],
)
def test_a_wrong_one_is_named(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingError, match=name):
        read(tmp_path, **{name: value})
