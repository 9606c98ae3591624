"""Requests over the hub client's connections: retries, and errors that a user can act on."""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, TypeVar

from kernel_atlas.errors import AtlasError

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 30.0
N_TRIES = 5
MIN_AGE_SECONDS = 60  # of a date that identifies a version of a file

T = TypeVar("T")

_LOGIN = "log in (hf auth login) or set HF_TOKEN; the token is sent for hf: and timm: sources only"
_MEANING = {
    401: f", not allowed: {_LOGIN}",
    403: ", not allowed",
    404: ", no such file: check the address",
    410: ", the file is gone",
    416: ", the file is shorter than expected",
    429: ", too many requests, even after the waits it asked for; run again later",
}


class ShortReadError(Exception):
    """A response that ended early; another try may help."""


class RefusedError(Exception):
    """A status that another request may avoid: an expired redirect (403), a wrong range (416)."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@contextmanager
def streamed_get(url: str, headers: dict[str, str]) -> Iterator[Any]:
    """A GET whose body is not read yet (httpx.Response), redirects followed.

    Temporary statuses (429, 5xx) are tried again, after the wait that the server asks for.

    Raises
    ------
    RefusedError
        For the statuses 403 and 416.
    AtlasError
        If the body is compressed, so that its ranges are not the file's.
    """
    from huggingface_hub.utils import hf_raise_for_status, http_stream_backoff

    with http_stream_backoff(
        "GET",
        url,
        headers={**headers, "Accept-Encoding": "identity"},
        timeout=TIMEOUT_SECONDS,
        follow_redirects=True,
        # `tried_again` does that, for the body too; here it would close the session for all threads
        retry_on_exceptions=(),
    ) as response:
        if response.status_code in (403, 416):
            raise RefusedError(response.status_code)
        hf_raise_for_status(response)
        encoding = response.headers.get("Content-Encoding", "identity")
        if encoding != "identity":
            raise AtlasError(f"the server compresses the file ({encoding}), though asked not to")
        yield response


def content_range(response: Any, name: str) -> tuple[int, int]:
    """First byte of a partial response, and the size of the whole file.

    Raises
    ------
    AtlasError
        If the response does not say.
    """
    text = response.headers.get("Content-Range", "")
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", text)
    if response.status_code != 206 or not match:
        raise AtlasError(
            f"{name}: the server answered a request for a range with status "
            f"{response.status_code} and Content-Range {text!r}"
        )
    return int(match[1]), int(match[2])


def strong_validator(response: Any) -> str | None:
    """The header that identifies this version of a file, None if none does (RFC 9110, 8.8).

    A weak ETag does not, nor a date less than a minute older than the response: the file
    may have been written twice within that second.
    """
    headers = response.headers
    if "ETag" in headers:
        return None if headers["ETag"].startswith("W/") else headers["ETag"]
    try:
        modified = parsedate_to_datetime(headers["Last-Modified"])
        age = parsedate_to_datetime(headers["Date"]) - modified
    except (KeyError, TypeError, ValueError):
        return None
    return headers["Last-Modified"] if age.total_seconds() >= MIN_AGE_SECONDS else None


def tried_again(function: Callable[..., T]) -> Callable[..., T]:
    """The function, called again after a failed connection or a response that ended early."""
    import tenacity
    from huggingface_hub.utils import httpx

    return tenacity.retry(
        retry=tenacity.retry_if_exception_type((httpx.TransportError, ShortReadError)),
        stop=tenacity.stop_after_attempt(N_TRIES),
        wait=tenacity.wait_exponential(multiplier=0.25, max=8),
        before_sleep=tenacity.before_sleep_log(logger, logging.INFO),
        reraise=True,
    )(function)


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Turn what the hub client raises into an `AtlasError` that names the file."""
    from huggingface_hub import errors
    from huggingface_hub.utils import httpx

    _take_over_hub_messages()
    try:
        yield
    except errors.HFValidationError as error:  # not a name that a repository may have
        raise AtlasError(f"{name}: {error}") from None
    except errors.OfflineModeIsEnabled:
        raise offline(name) from None
    except errors.GatedRepoError:
        raise AtlasError(
            f"{name} is in a gated repository: ask for access on its page, then {_LOGIN}"
        ) from None
    except errors.RepositoryNotFoundError:
        raise AtlasError(
            f"{name}: the hub has no such repository, or it is private (then {_LOGIN})"
        ) from None
    except errors.RevisionNotFoundError:
        raise AtlasError(
            f"{name}: the repository has no such revision; correct it in the sheet"
        ) from None
    except (errors.HfHubHTTPError, httpx.HTTPStatusError) as error:
        raise _answered(name, error.response.status_code) from None
    except RefusedError as error:
        raise _answered(name, error.status) from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError) as error:
        raise AtlasError(f"{name}: not a valid address ({error})") from None
    except (httpx.HTTPError, ShortReadError) as error:
        detail = str(error) or type(error).__name__
        raise AtlasError(f"{name} cannot be fetched: {detail} (tried {N_TRIES} times)") from None


def offline(name: str) -> AtlasError:
    """The error for a file that would have to be fetched while that is forbidden."""
    return AtlasError(
        f"{name} is not on this machine, and HF_HUB_OFFLINE forbids fetching it; unset it, or "
        "download the file into the hub's cache first"
    )


def _answered(name: str, status: int) -> AtlasError:
    return AtlasError(f"{name}: the server answered {status}{_MEANING.get(status, '')}")


@cache
def _take_over_hub_messages() -> None:
    """Log the hub client's messages, such as its waits, without signed addresses."""
    from huggingface_hub.utils.logging import get_logger

    get_logger("huggingface_hub").handlers = [_HubMessages()]


class _HubMessages(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        logger.log(record.levelno, "%s", re.sub(r"\?\S+", "?...", record.getMessage()))
