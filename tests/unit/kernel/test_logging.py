"""What is written down, and what is not."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from ripstop.kernel.configuration import Log
from ripstop.kernel.logging import configure, redact


@pytest.fixture
def _root() -> Iterator[None]:
    """Gives the root logger back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize(
    "line",
    [
        "Authorization: Bearer SECRET",
        "authorization=Basic SECRET",
        "GET /x?access_token=SECRET&limit=1",
        "{'password': 'SECRET', 'locale': 'en'}",
        '{"password":"SE\\"CRET","client_secret": "SECRET"}',
        "SignUp(username='a', password='SECRET', agreement=True)",
        "postgresql://ripstop:SECRET@db.test/ripstop",
        "refresh_token: SECRET, code_verifier=SECRET)",
        "new_password=SECRET",
        "token=SECRET",
    ],
)
def test_secrets_are_taken_out(line: str) -> None:
    assert "SECRET" not in redact(line)
    assert "CRET" not in redact(line)


@pytest.mark.parametrize(
    "line",
    [
        "accounts.hash_password ran 3 times",
        "the token was revoked",
        "rip-http-0 died (SIGKILL), and is started again at once",
        "postgresql://db.test/ripstop",
    ],
)
def test_everything_else_stays(line: str) -> None:
    assert redact(line) == line


@pytest.mark.usefixtures("_root")
def test_an_event_is_one_line_of_text_whatever_is_in_it() -> None:
    stream = io.StringIO()
    configure(Log(), process="rip-http-0", stream=stream)
    log = logging.getLogger("ripstop.test")
    try:
        raise ValueError("password=SECRET")
    except ValueError:
        log.exception("two\nlines and Bearer SECRET")
    log.debug("not written")
    [line] = stream.getvalue().splitlines()
    assert " error rip-http-0 ripstop.test: two\\nlines" in line
    assert "ValueError" in line
    assert "SECRET" not in line


@pytest.mark.usefixtures("_root")
def test_as_json_it_has_the_same_parts() -> None:
    stream = io.StringIO()
    configure(Log(format="json", level="debug"), process="rip-worker-0", stream=stream)
    logging.getLogger("ripstop.test").debug("a %s", {"token": "SECRET"})
    event = json.loads(stream.getvalue())
    assert event.pop("time").endswith("+00:00")
    assert event == {
        "level": "debug",
        "process": "rip-worker-0",
        "logger": "ripstop.test",
        "event": "a {'token': [redacted]}",
    }
