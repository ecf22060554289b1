"""A crowd goes to this machine only."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from ripstop.rehearsal.cli import app
from ripstop.rehearsal.crowd import Crowd
from ripstop.rehearsal.plan import Plan, Rates
from ripstop.rehearsal.target import NotLoopbackError, Target


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "localhost", "[::1]"])
def test_loopback_addresses_are_taken(host: str) -> None:
    assert Target.from_url(f"http://{host}:8123").port == 8123


@pytest.mark.parametrize("host", ["10.0.0.1", "192.168.1.9", "0.0.0.0", "8.8.8.8", "[2001:db8::1]"])
def test_any_other_address_is_refused_with_a_sentence(host: str) -> None:
    with pytest.raises(NotLoopbackError, match="loads this machine only"):
        Crowd(f"http://{host}:8123", Plan())


def test_only_plain_http_is_spoken() -> None:
    with pytest.raises(ValueError, match="plain HTTP"):
        Target.from_url("https://127.0.0.1")


def test_the_command_says_why_it_refuses() -> None:
    result = CliRunner().invoke(app, ["--url", "http://10.1.2.3"])
    assert result.exit_code == 2
    assert "10.1.2.3" in result.output
    assert "Traceback" not in result.output


def test_a_request_carries_its_token_key_and_form() -> None:
    target = Target.from_url("http://127.0.0.1:8123")
    request = target.request("POST", "/api/v1/statuses", token="t0k", form={"status": "ä b&c"}, key="k1")
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /api/v1/statuses HTTP/1.1\r\nHost: 127.0.0.1:8123\r\n")
    assert b"Authorization: Bearer t0k" in head
    assert b"Idempotency-Key: k1" in head
    assert b"Content-Length: %d" % len(body) in head
    assert body == b"status=%C3%A4+b%26c"


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"people": 1}, "people"),
        ({"seconds": 0.0}, "seconds"),
        ({"requests": 0}, "requests"),
        ({"processes": 0}, "processes"),
        ({"stem": "no spaces"}, "stem"),
        ({"rates": Rates(post=-1)}, "rates"),
    ],
)
def test_a_plan_without_bounds_or_sense_is_refused(changed: dict[str, object], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        Plan(**changed)  # type: ignore[arg-type] # each is checked against its own sentence
