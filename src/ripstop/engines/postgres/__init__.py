"""The PostgreSQL engine. See docs/engines-postgres.md."""

from ripstop.engines.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
