"""Backups: the whole database in one file, made and put back by PostgreSQL's own tools."""


class BackupError(Exception):
    """It could not be done; the message says why and what to do. Nothing was changed."""
