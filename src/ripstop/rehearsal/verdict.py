"""What a check found: how much was looked at, and everything that was not as it had to be."""

from __future__ import annotations

import msgspec

MOST_EXAMPLES = 20


class Verdict(msgspec.Struct, kw_only=True):
    """`wrong` counts what was not right by kind, `examples` shows some of it; `notes` say what could not be asked."""

    checked: dict[str, int] = {}
    wrong: dict[str, int] = {}
    examples: list[str] = []
    notes: list[str] = []
    seconds: float = 0.0
    """Seconds from the first look until all was right, or until the check gave up."""
    passes: int = 1

    @property
    def ok(self) -> bool:
        return not self.wrong

    def miss(self, what: str, subject: str) -> None:
        """Something is not as it had to be."""
        self.wrong[what] = self.wrong.get(what, 0) + 1
        if len(self.examples) < MOST_EXAMPLES:
            self.examples.append(f"{what}: {subject}")

    def equal(self, what: str, subject: str, expected: object, found: object) -> None:
        """Note a miss unless the two are equal."""
        if expected != found:
            self.miss(what, f"{subject}: expected {expected}, found {found}")

    def note(self, sentence: str) -> None:
        """Say once what limits this verdict."""
        if sentence not in self.notes:
            self.notes.append(sentence)
