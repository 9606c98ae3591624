"""Threads of BLAS, the library that numpy multiplies matrices with."""

from contextlib import AbstractContextManager
from functools import cache

from threadpoolctl import ThreadpoolController


def one_blas_thread() -> AbstractContextManager:
    """A context in which numpy's products take one thread.

    More would stand in the way of threads of our own, and decide last digits.
    """
    return _controller().limit(limits=1, user_api="blas")


@cache  # it takes milliseconds to look through all libraries of the process
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
