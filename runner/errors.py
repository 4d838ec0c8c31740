"""Every error that reprun reports, with the exit code and the stable code that scripts rely on.

A message says where, what and the offending value; the hint names one thing to do.
Lower case, no final period.
"""

from __future__ import annotations

from typing import ClassVar

WRONG_REQUEST = 2
TIMED_OUT = 124
NOT_STARTED = 125


class RunnerError(Exception):
    """Root of everything that reprun reports to a person.

    Args:
        message: where, what and the offending value.
        hint: one thing to do about it.
        details: further lines shown below the message, such as a failing build's last output.
    """

    code: ClassVar[str] = "internal"
    exit_code: ClassVar[int] = NOT_STARTED

    def __init__(
        self, message: str, hint: str | None = None, *, details: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details


class Interrupted(RunnerError):
    """A signal ended the work before a step was started; exit code 128+N comes from `signal`."""

    code = "interrupted"

    def __init__(self, signal: int) -> None:
        super().__init__("interrupted")
        self.signal = signal


class OutputError(RunnerError):
    """What there is to say can't be written to stdout or stderr."""

    code = "output.not-written"


# --- request and settings ----------------------------------------------------------------------


class RequestError(RunnerError):
    """What was asked for can't be understood."""

    code = "request.invalid"
    exit_code = WRONG_REQUEST


class SettingsError(RunnerError):
    """The home, the cache or another setting can't be used."""

    code = "settings.unusable"


# --- manifest ----------------------------------------------------------------------------------


class ManifestError(RunnerError):
    """The manifest can't be read or understood."""

    code = "manifest.invalid"
    exit_code = WRONG_REQUEST


class UnknownEntryPoint(ManifestError):
    """The entry point that was asked for is neither declared nor a file."""

    code = "manifest.unknown-entry-point"


class ParameterError(ManifestError):
    """Parameters are missing, misspelt, or break their declaration; all violations at once."""

    code = "parameters.invalid"


# --- source ------------------------------------------------------------------------------------


class SourceError(RunnerError):
    """The project's source can't be had."""

    code = "source.unavailable"


class SourceNotFound(SourceError):
    """There is no repository, directory or archive at the address."""

    code = "source.not-found"


class UnknownVersion(SourceError):
    """The source has no such branch, tag or commit."""

    code = "source.unknown-version"


class SourceUnreachable(SourceError):
    """The network or the server does not answer."""

    code = "source.unreachable"


class SourceRefused(SourceError):
    """The server, or git itself, does not let us in."""

    code = "source.refused"


class SourceDamaged(SourceError):
    """A repository on this machine is broken."""

    code = "source.damaged"


class SourceTooLarge(SourceError):
    """What would have to be captured is above the limit."""

    code = "source.too-large"


class GitMissing(SourceError):
    """There is no git on PATH."""

    code = "source.no-git"


class InputError(RunnerError):
    """An input of the step can't be had or isn't what it was declared to be."""

    code = "inputs.unavailable"


# --- environments ------------------------------------------------------------------------------


class EnvironmentFailure(RunnerError):
    """The step's environment can't be described, locked or built."""

    code = "environment.invalid"


class StaleLock(EnvironmentFailure):
    """A lock in the project was made from something else than what stands beside it."""

    code = "environment.stale-lock"


class NoSuchPython(EnvironmentFailure):
    """No interpreter of the version that the project asks for."""

    code = "environment.no-such-python"


class NoSuchPackage(EnvironmentFailure):
    """A package, or the version of it, is in no index; often a misspelling."""

    code = "environment.no-such-package"


class UnmappedPackages(EnvironmentFailure):
    """A project asks for packages that only conda has, and a venv was to be made of it."""

    code = "environment.conda-only"


class DependencyConflict(EnvironmentFailure):
    """The requirements contradict each other."""

    code = "environment.conflict"


class HashMismatch(EnvironmentFailure):
    """A package isn't what the lock says, or the lock has no hash for it."""

    code = "environment.hash-mismatch"


class BuildFailure(EnvironmentFailure):
    """A package could not be built from its source."""

    code = "environment.build-failed"


class IndexUnreachable(EnvironmentFailure):
    """A package index or a repository can't be reached."""

    code = "environment.unreachable"


class CondaConfigurationInvalid(EnvironmentFailure):
    """The person's own configuration of conda can't be understood."""

    code = "environment.conda-configuration"


class NoSuchChannel(EnvironmentFailure):
    """There is no conda channel at the address; often a misspelling."""

    code = "environment.no-such-channel"


class ChannelRefused(EnvironmentFailure):
    """A conda channel wants a login, or the person's configuration does not let it be used."""

    code = "environment.channel-refused"


class NoRoom(EnvironmentFailure):
    """The cache home can't take the environment: full, read-only, or a file is too large."""

    code = "environment.no-room"


class ToolMissing(EnvironmentFailure):
    """A program that builds environments isn't on this machine."""

    code = "environment.tool-missing"


class NoEngine(EnvironmentFailure):
    """No Docker engine answers, or it doesn't let us in."""

    code = "environment.no-engine"


class EngineLost(EnvironmentFailure):
    """The engine stopped answering in the middle, or refused what was asked of it."""

    code = "environment.engine-lost"


class NoSuchImage(EnvironmentFailure):
    """An image is in no registry that we may read, or not for this platform."""

    code = "environment.no-such-image"


# --- executors ---------------------------------------------------------------------------------


class ExecutionError(RunnerError):
    """The step could not be started."""

    code = "execution.not-started"


class StepLost(ExecutionError):
    """The step was started, but how it ended can't be known: its supervisor was killed."""

    code = "execution.lost"


# --- store -------------------------------------------------------------------------------------


class StoreError(RunnerError):
    """The record or the outputs of a run can't be kept or read."""

    code = "store.unusable"


class UnknownRun(StoreError):
    """No run, or more than one, has the name that was given."""

    code = "store.unknown-run"
    exit_code = WRONG_REQUEST
