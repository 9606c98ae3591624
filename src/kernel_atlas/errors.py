"""The exceptions whose messages are written for the user."""

MAX_CHARACTERS = 500


class AtlasError(Exception):
    """Bad input: the message says what is wrong, where, and what to do.

    Jobs print it as one line, without a traceback (see `kernel_atlas.jobs`).
    """


class NoSpaceError(AtlasError):
    """The disk is full: the input is fine, and the same job may succeed later."""


def one_line(text: object) -> str:
    """Text from outside, safe to print: control characters escaped, a long middle left out."""
    shown = str(text)
    if len(shown) > MAX_CHARACTERS:
        half = MAX_CHARACTERS // 2
        shown = f"{shown[:half]} ... {shown[-half:]}"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in shown)
