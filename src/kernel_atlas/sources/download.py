"""Download a checkpoint that cannot be read by ranges: resumed, checked, and deleted when read."""

import errno
import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from kernel_atlas.errors import AtlasError
from kernel_atlas.files import replacing
from kernel_atlas.sources.file import LocalFile
from kernel_atlas.sources.http import ShortReadError, explained, tried_again
from kernel_atlas.sources.ranges import content_range
from kernel_atlas.sources.remote import RemoteFile

BLOCK_BYTES = 1 << 20
PROGRESS_SECONDS = 10.0

# torch's habit: the first digits of the SHA-256 end the name, as in efficientnet_b0_ra-3dd342df.pth
_CHECKSUM_IN_NAME = re.compile(r"-([0-9a-f]{8})\.")
_DATE = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])([0-2]\d|3[01])")


@contextmanager
def downloaded(
    file: RemoteFile, sha256: str, folder: str | Path, limit_mb: int, keep: bool
) -> Iterator[LocalFile]:
    """A file of a server on this machine, while the block lasts.

    What came before a failure stays in `folder` and is gone on with by the next call.

    Parameters
    ----------
    file : RemoteFile
    sha256 : str
        Expected checksum, 64 hex digits, or empty: then that of `file`, or the eight
        digits in its name, or none is checked.
    folder : path
        Where to; made if it is missing.
    limit_mb : int
        A larger file (in 10^6 bytes) is refused before it is fetched.
    keep : bool
        Whether to leave the file there for later runs.

    Raises
    ------
    AtlasError
        If it cannot be fetched, is too large, or has another checksum.
    """
    # the same name may come from two addresses
    address = hashlib.sha256(file.url.encode()).hexdigest()[:8]
    path = Path(folder) / f"{address}-{file.name}"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.partial")
        with explained(file.name):
            try:
                tried_again(_fetch)(file, partial, limit_mb)
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                    raise
                raise AtlasError(
                    f"{file.name}: no space left in {path.parent} ({error.strerror}); make some "
                    "and run again: what has come stays there and is not fetched again"
                ) from None
        partial.rename(path)
        _version_of(partial).unlink(missing_ok=True)
    _check(path, sha256 or file.sha256 or checksum_in_name(file.name), file.name)
    file.size = file.bytes_read = path.stat().st_size
    try:
        local = LocalFile(path, file.revision)
        local.name, local.sha256 = file.name, file.sha256
        yield local
    finally:
        if not keep:
            path.unlink(missing_ok=True)


def checksum_in_name(name: str) -> str:
    """The eight hex digits of its SHA-256 that a file's name ends with, or an empty string."""
    found = _CHECKSUM_IN_NAME.findall(name)
    return found[-1] if found and not _DATE.fullmatch(found[-1]) else ""


def _fetch(file: RemoteFile, partial: Path, limit_mb: int) -> None:
    """Fetch what `partial` lacks; the ETag beside it tells whether it is still the same file."""
    version = _version_of(partial)
    try:
        etag = json.loads(version.read_text())
        # one byte less, or there is nothing to ask for when all had come
        done = max(0, partial.stat().st_size - 1)
    except (OSError, ValueError):
        etag, done = None, 0
    headers = {"Range": f"bytes={done}-", "If-Range": etag} if done and etag else {}
    with file.get(headers) as response:
        if response.status_code == 206:
            first, size = content_range(response, file.name)
            if first != done:
                raise ShortReadError(f"bytes from {first:,} came instead of from {done:,}")
        else:
            done = 0
            size = int(response.headers.get("Content-Length", 0))
        _check_space(file.name, size, size - done, partial.parent, limit_mb)
        with replacing(version) as path:
            path.write_text(json.dumps(file.etag))
        progress = tqdm(
            desc=file.name, total=size or None, initial=done, unit="B", unit_scale=True,
            mininterval=PROGRESS_SECONDS,
        )  # fmt: skip
        with partial.open("r+b" if done else "wb") as target, progress:
            target.seek(done)
            for block in response.iter_bytes(BLOCK_BYTES):
                target.write(block)
                progress.update(len(block))
                done += len(block)
                _check_space(file.name, done, 0, partial.parent, limit_mb)
    if size and done != size:
        raise ShortReadError(f"{done:,} of {size:,} bytes came")


def _check_space(name: str, size: int, missing: int, folder: Path, limit_mb: int) -> None:
    if size > limit_mb * 1e6:
        raise AtlasError(
            f"{name} has {size / 1e6:,.0f} MB and is fetched whole, more than the {limit_mb:,} MB "
            "allowed; allow more with --set-resources extract_kernels:download_mb=... and "
            "--resources download_mb=..."
        )
    free = shutil.disk_usage(folder).free
    if missing > free:
        raise AtlasError(
            f"{name}: {missing / 1e6:,.0f} MB are missing, {folder} has {free / 1e6:,.0f} MB free"
        )


def _check(path: Path, expected: str, name: str) -> None:
    with path.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if not found.startswith(expected):
        size = path.stat().st_size
        path.unlink()
        raise AtlasError(
            f"wrong checksum: {name} ({size:,} bytes) has SHA-256 {found}, expected {expected}"
            f"{'' if len(expected) == 64 else '...'}; it is damaged or another version, and is "
            "deleted"
        )


def _version_of(partial: Path) -> Path:
    return partial.with_suffix(".etag")
