"""What can go wrong with the store.

    StoreError                       the subject is the database, or the key beside it
    +-- StoreUnavailable             not reachable, not writable, disk full: may pass by itself
    +-- StoreLocked                  another server works on this database
    +-- StoreTooNew                  the database was written by a newer version of the program
    +-- StoreDamaged                 the file or a row is not what was written
    +-- ChainBroken                  the audit log was changed after the fact
    +-- KeyUnusable                  the key of the sealed columns is missing, wrong or exposed
    +-- ContentMissing               a manifest set names contents that are not stored
    +-- DuplicateCommand             a command with this idempotency key was already carried out

Messages never carry a row's values: they may be a Secret's.  For the same reason the driver's own
error is not chained: PostgreSQL quotes the failing row in it.
"""

from __future__ import annotations


class StoreError(Exception):
    """Base of all expected failures of the store."""


class StoreUnavailable(StoreError):
    """The database cannot be used just now.

    Where this comes from a commit, the batch may or may not be stored: read `last_seq` again.
    """


class StoreLocked(StoreError):
    """Another program holds the database: two owners of one fleet would fight."""


class StoreTooNew(StoreError):
    """The database's schema is one this program does not know."""


class StoreDamaged(StoreError):
    """What is read is not what was once written."""


class ChainBroken(StoreDamaged):
    """The audit log is not the one that was written; `seq` is the first event that shows it."""

    def __init__(self, seq: int, why: str) -> None:
        super().__init__(f"audit log, event {seq}: {why}")
        self.seq = seq
        self.why = why


class KeyUnusable(StoreError):
    """Sealed columns cannot be read or written with the key at hand."""


class ContentMissing(StoreError):
    """A manifest set cannot be stored before the contents that it names."""


class DuplicateCommand(StoreError):
    """This idempotency key was already used; nothing of the batch was stored."""
