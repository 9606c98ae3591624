"""Requests over the hub client's connections: retries, and errors that a user can act on."""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

from kernel_atlas.errors import AtlasError

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 30.0
N_TRIES = 5

T = TypeVar("T")

_MEANING = {
    401: ", not allowed: log in (hf auth login) or set HF_TOKEN",
    403: ", not allowed",
    404: ", no such file",
    410: ", no such file any more",
    429: ", too many requests, and still so after the waits that it asked for; run again later",
}


class ShortReadError(Exception):
    """A response that was cut short; worth another try."""


@contextmanager
def streamed_get(url: str, headers: dict[str, str]) -> Iterator[Any]:
    """A GET whose body is not read yet (httpx2.Response), redirects followed.

    Statuses that pass (429, 5xx) are tried again, as late as the server asks for.
    """
    from huggingface_hub.utils import hf_raise_for_status, http_stream_backoff

    with http_stream_backoff(
        "GET",
        url,
        # the ranges are those of the file, not of a compressed stream
        headers={**headers, "Accept-Encoding": "identity"},
        timeout=TIMEOUT_SECONDS,
        follow_redirects=True,
        # `tried_again` does that, for the body too; here it would close the session for all threads
        retry_on_exceptions=(),
    ) as response:
        hf_raise_for_status(response)
        yield response


def tried_again(function: Callable[..., T]) -> Callable[..., T]:
    """The function, called again after a failed connection or a response that was cut short."""
    import httpx2
    import tenacity

    return tenacity.retry(
        retry=tenacity.retry_if_exception_type((httpx2.TransportError, ShortReadError)),
        stop=tenacity.stop_after_attempt(N_TRIES),
        wait=tenacity.wait_exponential(multiplier=0.25, max=8),
        before_sleep=tenacity.before_sleep_log(logger, logging.INFO),
        reraise=True,
    )(function)


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Turn what the hub client raises into an `AtlasError` that names the file."""
    import httpx2
    from huggingface_hub import errors

    _take_over_hub_messages()
    try:
        yield
    except errors.HFValidationError as error:  # no name that a repository may have
        raise AtlasError(f"{name}: {error}") from None
    except errors.OfflineModeIsEnabled:
        raise AtlasError(
            f"{name} is not on this machine, and HF_HUB_OFFLINE forbids to fetch it "
            "(docs/sources.md, Offline)"
        ) from None
    except errors.GatedRepoError:
        raise AtlasError(
            f"{name} is in a gated repository: ask for access on its page, then log in "
            "(hf auth login) or set HF_TOKEN"
        ) from None
    except errors.RepositoryNotFoundError:
        raise AtlasError(
            f"{name}: the hub has no such repository, or it is private "
            "(then log in: hf auth login, or set HF_TOKEN)"
        ) from None
    except errors.RevisionNotFoundError:
        raise AtlasError(f"{name}: the repository has no such revision") from None
    except (errors.HfHubHTTPError, httpx2.HTTPStatusError) as error:
        status = error.response.status_code
        meaning = _MEANING.get(status, "")
        raise AtlasError(f"{name}: the server answered {status}{meaning}") from None
    except (httpx2.HTTPError, httpx2.InvalidURL, ShortReadError) as error:
        detail = str(error) or type(error).__name__
        raise AtlasError(f"{name} cannot be fetched: {detail} (tried {N_TRIES} times)") from None


@cache
def _take_over_hub_messages() -> None:
    """Log the hub client's messages, waits for example, without signed addresses."""
    from huggingface_hub.utils.logging import get_logger

    get_logger("huggingface_hub").handlers = [_HubMessages()]


class _HubMessages(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        logger.log(record.levelno, "%s", re.sub(r"\?\S+", "?...", record.getMessage()))
