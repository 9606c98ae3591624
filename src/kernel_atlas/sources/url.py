"""``https:`` and ``http:``: a checkpoint at a plain address."""

from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.remote import RemoteFile


def locate(source: str) -> RemoteFile:
    """The file at the address; no request is sent yet.

    Raises
    ------
    AtlasError
        If the address is not valid.
    """
    try:
        return RemoteFile(source)
    except ValueError as error:
        raise AtlasError(f"{source} is not a valid address ({error})") from None
