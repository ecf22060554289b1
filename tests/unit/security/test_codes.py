"""Codes of authenticator apps, by the vectors of RFC 6238, and recovery codes."""

from __future__ import annotations

import pytest

from ripstop.domain.security.codes import (
    CODES,
    STEP_SECONDS,
    code_at,
    key_address,
    key_text,
    matching_step,
    new_key,
    new_recovery_codes,
    recovery_hash,
)

KEY = b"12345678901234567890"
"""That of RFC 6238, appendix B, whose codes have eight digits; ours are the last six of them."""
VECTORS = {
    59: "94287082",
    1111111109: "07081804",
    1111111111: "14050471",
    1234567890: "89005924",
    2000000000: "69279037",
    20000000000: "65353130",
}


@pytest.mark.parametrize("seconds", VECTORS)
def test_codes_are_those_of_the_standard(seconds: int) -> None:
    assert code_at(KEY, seconds) == VECTORS[seconds][-6:]
    assert matching_step(KEY, f" {VECTORS[seconds][-6:-3]} {VECTORS[seconds][-3:]}", now=seconds, used=0) is not None


def test_a_clock_may_be_off_by_one_step_and_no_step_is_good_twice() -> None:
    now = 2_000_000_000
    present = now // STEP_SECONDS
    found = {
        step: matching_step(KEY, code_at(KEY, (present + step) * STEP_SECONDS), now=now, used=0)
        for step in range(-2, 3)
    }
    assert found == {-2: None, -1: present - 1, 0: present, 1: present + 1, 2: None}
    code = code_at(KEY, now)
    assert matching_step(KEY, code, now=now, used=present - 1) == present
    assert matching_step(KEY, code, now=now, used=present) is None
    assert matching_step(KEY, code, now=now, used=present + 1) is None


@pytest.mark.parametrize("code", ["", "000000", "279037 1", "٢٧٩٠٣٧", "27903", "x" * 5_000])
def test_what_is_no_code_is_none(code: str) -> None:
    assert matching_step(KEY, code, now=2_000_000_000, used=0) is None


def test_a_key_is_told_as_text_and_as_an_address() -> None:
    assert key_text(KEY) == "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ"
    address = key_address(KEY, account="alice", issuer="ripstop.test")
    assert address.startswith("otpauth://totp/ripstop.test:alice?")
    assert "secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" in address
    assert len({new_key() for _ in range(10)}) == 10


def test_recovery_codes_are_kept_as_hashes_and_found_however_they_are_typed() -> None:
    new = new_recovery_codes()
    assert len(set(new.shown)) == len(set(new.hashes)) == CODES
    for shown, kept in zip(new.shown, new.hashes, strict=True):
        assert shown.replace("-", "") not in kept
        assert recovery_hash(f"  {shown.upper().replace('-', ' ')} ") == kept
    assert recovery_hash("\ud800") not in new.hashes
