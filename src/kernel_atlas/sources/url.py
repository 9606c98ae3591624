"""``https:`` and ``http:``: a checkpoint at a plain address."""

from kernel_atlas.sources.remote import RemoteFile


def locate(source: str) -> RemoteFile:
    """The file behind the address; nothing is asked yet."""
    return RemoteFile(source)
