"""How a process gets a ``Store``: make its folder once, open it in each process."""

from verbena.store.sqlite.store import SqliteStore, init_store, open_store

__all__ = ["SqliteStore", "init_store", "open_store"]
