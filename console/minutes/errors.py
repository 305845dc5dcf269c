"""What can go wrong with minutes, said to a person."""


class MinutesError(Exception):
    """The minutes can't be made or written; the text says which file and why."""
