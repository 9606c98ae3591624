"""``hf:OWNER/REPO[@REVISION][:FILE]``: a checkpoint on the Hugging Face hub, or on its mirror."""

import re
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.http import explained, offline
from kernel_atlas.sources.local import LocalFile
from kernel_atlas.sources.remote import RemoteFile

DEFAULT_FILES = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def locate(source: str) -> LocalFile | RemoteFile:
    """The file in the hub's own cache, or else on the hub, pinned to a commit.

    Without FILE it is the first of `DEFAULT_FILES` that the repository has.

    Raises
    ------
    AtlasError
        If the hub has no such file, refuses it, or cannot be reached.
    """
    from huggingface_hub.constants import is_offline_mode

    repo, revision, file = parse(source)
    names = [file] if file else DEFAULT_FILES
    for name in names:
        found: LocalFile | RemoteFile | None = _find_in_cache(repo, name, revision)
        if not found and not is_offline_mode():
            found = _find_on_hub(repo, name, revision)
        if found:
            return found
    if is_offline_mode():
        raise offline(f"{repo}: {' or '.join(names)}")
    raise AtlasError(
        f"the repository {repo} has no {' or '.join(names)} at {revision or 'main'}; "
        f"name the file: hf:{repo}:FILE"
    )


def parse(source: str) -> tuple[str, str | None, str | None]:
    """Repository, revision and file of a source; the last two may be None."""
    address, _, file = source.removeprefix("hf:").partition(":")
    repo, _, revision = address.partition("@")
    return repo, revision or None, file or None


def _find_in_cache(repo: str, name: str, revision: str | None) -> LocalFile | None:
    from huggingface_hub import try_to_load_from_cache

    with explained(repo):
        path = try_to_load_from_cache(repo, name, revision=revision)
    if not isinstance(path, str):
        return None
    # <cache>/models--<owner>--<repo>/snapshots/<commit>/<file>
    commit = Path(path).parents[len(Path(name).parts) - 1].name
    return LocalFile(Path(path), revision=commit)


def _find_on_hub(repo: str, name: str, revision: str | None) -> RemoteFile | None:
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import RemoteEntryNotFoundError
    from huggingface_hub.utils import build_hf_headers

    url = hf_hub_url(repo, name, revision=revision)
    with explained(f"{repo}: {name}"):
        try:
            facts = get_hf_file_metadata(url, retry_on_errors=True)
        except RemoteEntryNotFoundError:
            return None
    if not facts.commit_hash:
        raise AtlasError(
            f"{repo}: {url} does not name a commit, so the server is not a hub; check HF_ENDPOINT"
        )
    location = urljoin(url, facts.location)
    is_redirected = urlsplit(location)[:2] != urlsplit(url)[:2]
    return RemoteFile(
        # pinned: main may move between two requests
        hf_hub_url(repo, name, revision=facts.commit_hash),
        target=location if is_redirected else None,
        headers=build_hf_headers(),
        size=facts.size,
        revision=facts.commit_hash,
        sha256=facts.etag if _SHA256.fullmatch(facts.etag or "") else None,
    )
