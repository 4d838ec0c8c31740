"""Goes through the inputs of a step, to check them or to fetch them; both say the same errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from runner.errors import InputError, ParameterError, RunnerError, StoreError
from runner.inputs import addresses, declared, parameters
from runner.inputs.model import Gathered, Prepared

if TYPE_CHECKING:
    from runner.inputs.model import Context
    from runner.manifest.model import BoundParameter, Step


def gather(step: Step, context: Context) -> Prepared:
    """The step's inputs, fetched if the context says so.

    Raises:
        ParameterError: values of parameters are wrong; all of them are named.
        InputError: an input can't be had.
        UnknownRun: a `run:` value names no run.
        StoreError: there is no space to keep a download.
    """
    found = Gathered()
    if context.request.with_runs:
        from runner.inputs import handed

        handed.resolve(context, found)
    bound = _parameters(step, context, found)
    for item in step.entry_point.inputs:
        declared.resolve(item, step.entry_point.name, context, found)
    return Prepared(
        step=replace(step, parameters=bound),
        placements=tuple(found.placements),
        readings=tuple(found.readings),
        digested=tuple(found.digested),
        warnings=tuple(found.warnings),
        downloads=tuple(found.downloads),
    )


def _parameters(step: Step, context: Context, found: Gathered) -> tuple[BoundParameter, ...]:
    errors: list[RunnerError] = []
    bound: list[BoundParameter] = []
    for parameter in step.parameters:
        try:
            bound.append(_parameter(parameter, context, found))
        except (ParameterError, InputError, StoreError) as error:
            errors.append(_discreet(error, parameter))
    _raise(errors, step.entry_point.name)
    return tuple(bound)


def _parameter(parameter: BoundParameter, context: Context, found: Gathered) -> BoundParameter:
    if parameter.type == "uri":
        return _uri(parameter, found)
    if parameter.type != "path":
        return parameter
    return replace(parameter, argument=parameters.resolve(parameter, context, found))


def _discreet(error: RunnerError, parameter: BoundParameter) -> RunnerError:
    """`error`, without the words that may hold a secret value."""
    if not parameter.secret:
        return error
    return ParameterError(f"parameter `{parameter.name}`: its secret value can't be used")


def _uri(parameter: BoundParameter, found: Gathered) -> BoundParameter:
    if addresses.has_scheme(parameter.text):
        return parameter
    shown = "its value" if parameter.secret else f"`{parameter.text}`"
    message = f"parameter `{parameter.name}` must be a URI with a scheme, not {shown}"
    if parameter.origin == "default":
        found.warnings.append(f"the default of {message}")
        return parameter
    raise ParameterError(message, "write it as https://…, s3://… or file:///…")


def _raise(errors: list[RunnerError], entry_point: str) -> None:
    if not errors:
        return
    if len(errors) == 1:
        raise errors[0]
    raise ParameterError(
        f"{len(errors)} parameters of `{entry_point}` are wrong",
        details=tuple(
            f"{error.message}{f' ({error.hint})' if error.hint else ''}" for error in errors
        ),
    )
