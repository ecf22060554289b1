"""What happens to how people see."""

import msgspec


class FiltersChanged(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody made, changed or deleted a filter."""

    account: int
