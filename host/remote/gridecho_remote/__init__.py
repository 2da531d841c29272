"""The remote: takes in batches of sealed readings, keeps them once, and shows each person what was granted and nothing else.

In process: `open_archive` (database.py), then `enrol`, `users`, `grants`, `queries` take the open archive as their first argument.
"""

from .store.database import Archive, create_archive, open_archive

__all__ = ("Archive", "create_archive", "open_archive")
