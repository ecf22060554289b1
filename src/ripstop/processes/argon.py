"""Hashing passwords with argon2id: the work itself, in whichever process."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from ripstop.processes.jobs import AnyJob, HashPassword, VerifyPassword

HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""argon2id with 19 MiB, two passes, one lane: the minimum that OWASP recommends. 41 ms of CPU."""


def do(job: AnyJob) -> str | bool:
    """The work itself; runs in a thread, and lets go of the interpreter while it computes."""
    match job:
        case HashPassword(password):
            return HASHER.hash(password)
        case VerifyPassword(password, encoded):
            try:
                return HASHER.verify(encoded, password)
            except (VerificationError, InvalidHashError):
                return False
