"""The reading of answers off a connection."""

from __future__ import annotations

import pytest

from ripstop.rehearsal.wire import AnswerReader, WireError

LENGTH = b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nLink: <http://h/a?max_id=1>; rel="next"\r\n\r\nhello'
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n"
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello"
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"


def test_a_body_by_its_length() -> None:
    answer = AnswerReader().feed(LENGTH)
    assert answer is not None
    assert (answer.status, answer.ok, answer.body, answer.keep_alive) == (200, True, b"hello", True)
    assert answer.header("link") == '<http://h/a?max_id=1>; rel="next"'
    assert answer.header("retry-after") == ""


@pytest.mark.parametrize(("data", "body"), [(LENGTH, b"hello"), (CHUNKED, b"hello world"), (EMPTY, b"")])
def test_bytes_may_come_one_by_one_and_answers_after_each_other(data: bytes, body: bytes) -> None:
    reader = AnswerReader()
    for _ in range(3):
        answers = [reader.feed(data[at : at + 1]) for at in range(len(data))]
        assert answers[:-1] == [None] * (len(data) - 1)
        assert answers[-1] is not None
        assert answers[-1].body == body


def test_a_chunked_body_with_trailers() -> None:
    answer = AnswerReader().feed(CHUNKED[:-2] + b"x-checksum: 1\r\n\r\n")
    assert answer is not None
    assert answer.body == b"hello world"


def test_a_body_until_the_connection_ends() -> None:
    reader = AnswerReader()
    assert reader.feed(UNTIL_CLOSE) is None
    answer = reader.finish()
    assert answer is not None
    assert (answer.body, answer.keep_alive) == (b"hello", False)


@pytest.mark.parametrize("cut", [10, 40, len(LENGTH) - 1])
def test_a_cut_answer_is_none(cut: int) -> None:
    reader = AnswerReader()
    assert reader.feed(LENGTH[:cut]) is None
    assert reader.finish() is None


@pytest.mark.parametrize("data", [LENGTH + b"!", b"SSH-2.0-x\r\n\r\n"])
def test_what_is_no_answer_is_an_error(data: bytes) -> None:
    with pytest.raises(WireError):
        AnswerReader().feed(data)
