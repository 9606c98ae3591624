"""Download a checkpoint that cannot be read by ranges: resumed, checked, and deleted when read."""

import errno
import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tqdm import tqdm

from kernel_atlas.atomic import replacing
from kernel_atlas.errors import AtlasError, NoSpaceError
from kernel_atlas.sources.http import (
    RefusedError,
    ShortReadError,
    content_range,
    explained,
    strong_validator,
    tried_again,
)
from kernel_atlas.sources.local import LocalFile
from kernel_atlas.sources.remote import RemoteFile

BLOCK_BYTES = 1 << 20
PROGRESS_SECONDS = 10.0

# torch's convention: the name ends with the first digits of the SHA-256, as in net-3dd342df.pth
_CHECKSUM = re.compile(r"-([0-9a-f]{8})\.")
_DATE = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])([0-2]\d|3[01])")


@contextmanager
def downloaded(
    file: RemoteFile, sha256: str, folder: str | Path, limit_mb: int, keep: bool
) -> Iterator[LocalFile]:
    """A copy of a server's file on this machine, while the block lasts.

    After a failure, what was received stays in `folder`, and the next call resumes there.

    Parameters
    ----------
    file : RemoteFile
    sha256 : str
        Expected checksum. If empty: that of `file`, or the digits in its name, if any.
    folder : path
        Created if missing. Two downloads at once must not share it.
    limit_mb : int
        A larger file (in 10^6 bytes) is refused before it is fetched.
    keep : bool

    Raises
    ------
    AtlasError
        If the file cannot be fetched, is too large, or has another checksum.
    """
    address = hashlib.sha256(file.url.encode()).hexdigest()[:8]
    path = Path(folder) / f"{address}-{file.name[-100:]}"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        if not path.exists():
            _fetch_all(file, path, limit_mb)
        local = LocalFile(path, file.revision)
        local.name, local.sha256 = file.name, file.sha256
        try:
            local.check_sha256(sha256 or file.sha256 or checksum_in_name(file.name))
        except AtlasError:
            path.unlink()
            raise
        file.size = file.bytes_read = path.stat().st_size
        try:
            yield local
        finally:
            if not keep:
                path.unlink()
    finally:
        with suppress(OSError):  # not empty
            path.parent.rmdir()


def checksum_in_name(name: str) -> str:
    """The eight hex digits of its SHA-256 that end a file's name, or an empty string."""
    found = _CHECKSUM.findall(name)
    return found[-1] if found and not _DATE.fullmatch(found[-1]) else ""


def _fetch_all(file: RemoteFile, path: Path, limit_mb: int) -> None:
    """Fetch a file under a temporary name, and rename it when it is complete."""
    partial = path.with_name(f"{path.name}.partial")
    with explained(file.name):
        try:
            tried_again(_fetch)(file, partial, limit_mb)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            raise NoSpaceError(
                f"{file.name}: no space left in {path.parent} ({error.strerror}); free "
                "some and run again; the download resumes where it stopped"
            ) from None
    partial.rename(path)
    _version_of(partial).unlink(missing_ok=True)


def _fetch(file: RemoteFile, partial: Path, limit_mb: int) -> None:
    """Fetch what `partial` lacks, or all if it may be of another version of the file."""
    version = _version_of(partial)
    try:
        begun = json.loads(version.read_text())
        # one byte less, or there is nothing to ask for if all was received
        done = max(0, partial.stat().st_size - 1)
    except (OSError, ValueError):
        begun, done = None, 0
    headers = {"Range": f"bytes={done}-", "If-Range": begun} if done and begun else {}
    with _anew_if_changed(partial), file.get(headers) as response:
        validator = strong_validator(response)
        if response.status_code == 206:
            first, size = content_range(response, file.name)
            if first != done or validator != begun:
                raise RefusedError(416)  # a server that ignores If-Range
        else:
            done = 0
            size = int(response.headers.get("Content-Length", 0))
        _check_space(file.name, size, size - done, partial.parent, limit_mb)
        with replacing(version) as path:
            path.write_text(json.dumps(validator))
        progress = tqdm(
            desc=file.name,
            total=size or None,
            initial=done,
            unit="B",
            unit_scale=True,
            mininterval=PROGRESS_SECONDS,
        )
        with partial.open("r+b" if done else "wb") as target, progress:
            target.seek(done)
            for block in response.iter_bytes(BLOCK_BYTES):
                target.write(block)
                progress.update(len(block))
                done += len(block)
                _check_space(file.name, done, 0, partial.parent, limit_mb)
    if size and done != size:
        raise ShortReadError(f"received {done:,} of {size:,} bytes")


@contextmanager
def _anew_if_changed(partial: Path) -> Iterator[None]:
    """Delete what was received if the server's file does not continue it."""
    try:
        yield
    except RefusedError as error:
        if error.status != 416 or not partial.exists():
            raise
        partial.unlink()
        raise ShortReadError("the file has changed") from None


def _check_space(name: str, size: int, missing: int, folder: Path, limit_mb: int) -> None:
    if size > limit_mb * 1e6:
        raise AtlasError(
            f"{name} has {size / 1e6:,.0f} MB and must be fetched whole; that is more than the "
            f"{limit_mb:,} MB allowed. Raise --set-resources extract_kernels:download_mb=... and "
            "--resources download_mb=... (on a cluster, in its profile: docs/cluster.md)"
        )
    free = shutil.disk_usage(folder).free
    if missing > free:
        raise NoSpaceError(
            f"{name}: {missing / 1e6:,.0f} MB are missing, but {folder} has only "
            f"{free / 1e6:,.0f} MB free; make space and run again"
        )


def _version_of(partial: Path) -> Path:
    return partial.with_suffix(".etag")
