"""The PostgreSQL engine. See docs/build/engines-postgres.md."""

from ripstop.engines.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
