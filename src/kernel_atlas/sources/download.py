"""Download a checkpoint that cannot be read by ranges: resumed, checked, and deleted when read."""

import errno
import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tqdm import tqdm

from kernel_atlas.atomic import replacing
from kernel_atlas.errors import AtlasError, NoSpaceError
from kernel_atlas.sources.checksum import check_sha256, checksum_in_name
from kernel_atlas.sources.http import RefusedError, ShortReadError, explained, strong_validator, tried_again
from kernel_atlas.sources.local import LocalFile
from kernel_atlas.sources.ranges import content_range
from kernel_atlas.sources.remote import RemoteFile

BLOCK_BYTES = 1 << 20
PROGRESS_SECONDS = 10.0


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
        Expected checksum, or empty: then that of `file`, or the digits in its name, if any.
    folder : path
        Where to; made if it is missing. Two downloads at once must not share it.
    limit_mb : int
        A larger file (in 10^6 bytes) is refused before it is fetched.
    keep : bool

    Raises
    ------
    AtlasError
        If it cannot be fetched, is too large, or has another checksum.
    """
    address = hashlib.sha256(file.url.encode()).hexdigest()[:8]
    path = Path(folder) / f"{address}-{file.name[-100:]}"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        if not path.exists():
            _fetch_all(file, path, limit_mb)
        try:
            check_sha256(path, sha256 or file.sha256 or checksum_in_name(file.name), file.name)
        except AtlasError:
            path.unlink()
            raise
        file.size = file.bytes_read = path.stat().st_size
        local = LocalFile(path, file.revision)
        local.name, local.sha256 = file.name, file.sha256
        try:
            yield local
        finally:
            if not keep:
                path.unlink()
    finally:
        with suppress(OSError):  # something is left in it
            path.parent.rmdir()


def _fetch_all(file: RemoteFile, path: Path, limit_mb: int) -> None:
    """Fetch a file under a temporary name, and give it its own when it is whole."""
    partial = path.with_name(f"{path.name}.partial")
    with explained(file.name):
        try:
            tried_again(_fetch)(file, partial, limit_mb)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            raise NoSpaceError(
                f"{file.name}: no space left in {path.parent} ({error.strerror}); make some "
                "and run again: what has come stays there and is not fetched again"
            ) from None
    partial.rename(path)
    _version_of(partial).unlink(missing_ok=True)


def _fetch(file: RemoteFile, partial: Path, limit_mb: int) -> None:
    """Fetch what `partial` lacks; the version beside it tells whether it is still the same file."""
    version = _version_of(partial)
    try:
        begun = json.loads(version.read_text())
        # one byte less, or there is nothing to ask for when all had come
        done = max(0, partial.stat().st_size - 1)
    except (OSError, ValueError):
        begun, done = None, 0
    headers = {"Range": f"bytes={done}-", "If-Range": begun} if done and begun else {}
    with _anew_if_changed(partial), file.get(headers) as response:
        validator = strong_validator(response)
        if response.status_code == 206:
            first, size = content_range(response, file.name)
            if first != done or validator != begun:
                raise RefusedError(416)  # a server that knows no If-Range
        else:
            done = 0
            size = int(response.headers.get("Content-Length", 0))
        _check_space(file.name, size, size - done, partial.parent, limit_mb)
        with replacing(version) as path:
            path.write_text(json.dumps(validator))
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


@contextmanager
def _anew_if_changed(partial: Path) -> Iterator[None]:
    """Forget what has come if the server's file does not go on with it."""
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
            f"{name} has {size / 1e6:,.0f} MB and is fetched whole, more than the {limit_mb:,} MB "
            "allowed; allow more with --set-resources extract_kernels:download_mb=... and "
            "--resources download_mb=... (on a cluster in its profile: docs/cluster.md)"
        )
    free = shutil.disk_usage(folder).free
    if missing > free:
        raise NoSpaceError(
            f"{name}: {missing / 1e6:,.0f} MB are missing, {folder} has {free / 1e6:,.0f} MB free"
        )


def _version_of(partial: Path) -> Path:
    return partial.with_suffix(".etag")
