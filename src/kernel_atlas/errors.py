"""The one exception that a user is meant to read."""

MAX_CHARACTERS = 500


class AtlasError(Exception):
    """Bad input: the message names what is wrong, where, and what to do.

    Jobs print it as one line, without a traceback (see `kernel_atlas.jobs`).
    """


class NoSpaceError(AtlasError):
    """A disk is full: no fault of the input, and the same job may succeed later."""


def one_line(text: object) -> str:
    """What others wrote, to be shown: control characters escaped, the middle left out if long."""
    shown = str(text)
    if len(shown) > MAX_CHARACTERS:
        half = MAX_CHARACTERS // 2
        shown = f"{shown[:half]} ... {shown[-half:]}"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in shown)
