"""What a run that a worker starts checks first: that it may, and that it has not failed too often.

Cost: reads what Prefect has told the process; no call to the server.
"""

from tinyvideo.flows.settings import code_version
from tinyvideo.pipeline.errors import ExpectedError

MAX_ATTEMPTS = 3
"""Times that a run is begun. Ours: a machine may be lost twice in a run's life, hardly thrice."""


class AttemptsError(ExpectedError):
    """The run was begun too often; something in it ends its process or its machine."""


class VersionError(ExpectedError):
    """A worker has another version of tinyvideo than whoever asks it to work."""


def refuse_hopeless_attempt(limit: int = MAX_ATTEMPTS) -> None:
    """Give up, for good, a run that has been begun `limit` times already.

    Raises:
        AttemptsError: this is one attempt too many.
    """
    from prefect.runtime import flow_run  # noqa: PLC0415  only within a flow

    attempt = int(flow_run.run_count or 1)
    if attempt > limit:
        raise AttemptsError(
            f"begun {limit} times and never ended: something in it kills its process; see the "
            "logs of the worker"
        )


def refuse_other_version(asked: str) -> None:
    """See that this machine has the version `asked`; an empty one asks for nothing.

    Raises:
        VersionError: it has another.
    """
    here = code_version()
    if asked and asked != here:
        raise VersionError(
            f"this worker has tinyvideo {here}, the crawl was started by tinyvideo {asked}; "
            f"install tinyvideo {asked} on it, or start the crawl anew with {here}"
        )
