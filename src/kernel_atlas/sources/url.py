"""``https:`` and ``http:``: a checkpoint at a plain address."""

from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.remote import RemoteFile


def locate(source: str) -> RemoteFile:
    """The file behind the address; nothing is asked yet.

    Raises
    ------
    AtlasError
        If it is no address.
    """
    try:
        return RemoteFile(source)
    except ValueError as error:
        raise AtlasError(f"{source} is no address ({error})") from None
