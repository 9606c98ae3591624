"""The one exception that a user is meant to read."""


class AtlasError(Exception):
    """Bad input: the message names what is wrong, where, and what to do.

    Jobs print it as one line, without a traceback (see `kernel_atlas.logs`).
    """


class MachineError(AtlasError):
    """What this machine lacks, such as disk space: no fault of the input.

    The job has failed, and the next run tries it again.
    """
