"""Reading settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from ripstop.kernel.configuration import Configuration, ConfigurationError, Limits, Log, load, variables


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def wrong(**environment: str) -> list[str]:
    """The sentences with which these variables are refused."""
    with pytest.raises(ConfigurationError) as caught:
        load(environment)
    return caught.value.sentences


def test_without_anything_the_defaults_hold() -> None:
    settings = load({"PATH": "/bin"})
    assert settings == Configuration()
    assert settings.origin == "http://127.0.0.1:8080"
    assert 1 <= settings.http_processes <= 16


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    (tmp_path / "ripstop.toml").write_text(
        'port = 1\nhost = "::1"\n[log]\nlevel = "debug"\n[limits]\nhead_seconds = 3\n'
    )
    settings = load({"RIPSTOP_PORT": "2", "RIPSTOP_LOG_FORMAT": "json", "RIPSTOP_LIMITS_BODY_BYTES": "4096"})
    assert settings == Configuration(
        host="::1",
        port=2,
        log=Log(level="debug", format="json"),
        limits=Limits(head_seconds=3, body_bytes=4096),
    )
    assert settings.origin == "http://[::1]:2"


def test_another_file_may_be_named(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('url = "https://example.org/"')
    assert load({"RIPSTOP_CONFIG": str(tmp_path / "mine.toml")}).origin == "https://example.org"
    assert wrong(RIPSTOP_CONFIG="other.toml") == ["RIPSTOP_CONFIG names other.toml, and there is no such file."]


def test_every_mistake_has_its_own_sentence() -> None:
    assert wrong(RIPSTOP_PORT="x", RIPSTOP_PROCESSES="900", RIPSTOP_LOG_LEVEL="loud", RIPSTOP_LIMITS_IN_FLIGHT="0") == [
        "The setting port cannot be 'x': expected int, got str.",
        "The setting processes cannot be '900': expected int <= 48.",
        "The setting log.level cannot be 'loud': invalid enum value 'loud'.",
        "The setting limits.in_flight cannot be '0': expected int >= 1.",
    ]


def test_unknown_settings_are_refused_wherever_they_stand(tmp_path: Path) -> None:
    (tmp_path / "ripstop.toml").write_text("prot = 1\nlog = 5\n[limits]\nbody = 1\n")
    assert wrong(RIPSTOP_PROT="1") == [
        "There is no setting prot.",
        "The setting log is a table: write [log].",
        "There is no setting limits.body.",
        "There is no setting RIPSTOP_PROT.",
    ]


@pytest.mark.parametrize(
    "url", ["example.org", "ftp://example.org", "https://example.org/path", "https://", "https://example.org/?a=1"]
)
def test_a_public_url_is_one_without_a_path(url: str) -> None:
    [sentence] = wrong(RIPSTOP_URL=url)
    assert sentence.startswith("The setting url cannot be")


@pytest.mark.parametrize(
    ("variable", "value", "names"),
    [
        ("RIPSTOP_DATABASE", "mysql://x", "database"),
        ("RIPSTOP_HOST", "", "host"),
        ("RIPSTOP_DATA", "", "data"),
        ("RIPSTOP_OUTBOUND_ALLOWED", "127.0.0.0/8 localhost", "outbound.allowed"),
        ("RIPSTOP_OUTBOUND_PORTS", "80 https", "outbound.ports"),
        ("RIPSTOP_OUTBOUND_PORTS", "0", "outbound.ports"),
    ],
)
def test_texts_are_checked_as_well(variable: str, value: str, names: str) -> None:
    [sentence] = wrong(**{variable: value})
    assert f"setting {names}" in sentence


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "ripstop.toml").write_text("port = ")
    [sentence] = wrong()
    assert sentence.startswith("ripstop.toml cannot be read: ")


def test_every_setting_has_a_variable() -> None:
    assert {"RIPSTOP_HOST", "RIPSTOP_PORT", "RIPSTOP_DATA", "RIPSTOP_URL", "RIPSTOP_DATABASE"} <= variables().keys()
    assert variables()["RIPSTOP_LOG_LEVEL"] == ("log", "level")


def test_a_free_port_becomes_part_of_the_origin() -> None:
    assert load({"RIPSTOP_PORT": "0"}).listening_on(4321).origin == "http://127.0.0.1:4321"
    assert load({"RIPSTOP_HOST": "0.0.0.0"}).origin == "http://localhost:8080"
