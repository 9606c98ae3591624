"""The one exception that a user is meant to read."""


class AtlasError(Exception):
    """Bad input: the message names what is wrong, where, and what to do.

    Jobs print it as one line, without a traceback (see `kernel_atlas.logs`).
    """


class NoSpaceError(AtlasError):
    """A disk is full: no fault of the input, and the same job may succeed later."""
