"""A source as people type it: a URI as in a model sheet, or a plain path. Light at import."""

from pathlib import Path

from kernel_atlas.errors import AtlasError
from kernel_atlas.sources import schemes


def to_source(text: str | Path) -> str:
    """The source URI of a path; a URI stays as it is.

    Raises
    ------
    AtlasError
        If there is no such file, or the URI is malformed.
    """
    scheme, colon, _ = str(text).partition(":")
    if isinstance(text, str) and colon and scheme in schemes.SCHEMES:
        schemes.split(text)
        return text
    try:
        if Path(text).expanduser().exists():
            return f"file:{text}"
        cause = ""
    except (RuntimeError, ValueError, OSError) as error:  # an unknown user, a name too long
        cause = f" ({error})"
    known = ", ".join(f"{name}:" for name in schemes.SCHEMES)
    hint = f", nor is it a source ({known})" if colon else ""
    raise AtlasError(f"no such file: {Path(text).absolute()}{cause}{hint}")
