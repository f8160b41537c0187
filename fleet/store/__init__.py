"""What must outlive the process: audit log, apply sets, contents, snapshots, command results.

Reading order: `model` (values), `store` (the facade), `audit` (the hash chain), `database` (the
one thread).  Nothing is imported here: a client that only checks an exported audit log should not
pay for SQLAlchemy.
"""
