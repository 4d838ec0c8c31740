"""What was asked for: the project's address, the version, the parameters and the options."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from runner.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


class Request(Struct, frozen=True):
    """One request to run a step; nothing in it has been looked at beyond its syntax.

    Attributes:
        uri: path or URL as given, without `#subdirectory`. It may hold credentials: only
            `source.address.public_url(uri)` may be shown or recorded.
        subdirectory: POSIX path of the project inside the source, "" for its root.
        entry_point: name of the entry point, or None for `main`.
        version: branch, tag, commit or an expression such as `main~2`; None for the default.
        parameters: name → the text exactly as given.
        caller: the absolute directory that relative paths given as values start from.
        env_manager: `local`, `venv`, … as given after aliases are resolved; None: the manifest's.
        timeout: seconds of wall time the step may take, None for no limit of the request's.
        pass_env: names of variables passed on although `clean_env` is set.
        with_runs: `RUN[:GLOB]`: earlier runs whose outputs are laid into the checkout.
        as_of: `commit` or an ISO 8601 date: resolve with the packages of that time.
        skip_unmapped: leave out conda packages that the Python index has nothing for.
        link_scripts: run what conda packages want run after they are linked.
        python: version or specifier in place of the project's.
        add_packages: requirements beside the project's, or in place of those of the same name.
        drop_packages: names of packages that the project asks for and shall not get.
        env_file: a file of the project in place of the one that names its environment.
        tags: name → value, kept in the record.
        tracking: whether the step's MLflow calls go into the record.
        log_here: whether they do where the step names another tracking URI, too.
        docker_args: `NAME=VALUE` or `NAME`: flags of `docker run` for the step's container.
        build_image: make an image that holds the project, on top of the one that it names.
        no_network: whether the step's container is cut off from any network.
        read_only: whether it can write nowhere but into the checkout and /tmp.
    """

    uri: str
    caller: Path
    subdirectory: str = ""
    entry_point: str | None = None
    version: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    env_manager: str | None = None
    experiment: str | None = None
    experiment_id: str | None = None
    run_name: str | None = None
    run_id: str | None = None
    storage_dir: Path | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = None
    as_of: str | None = None
    with_runs: tuple[str, ...] = ()
    python: str | None = None
    add_packages: tuple[str, ...] = ()
    drop_packages: tuple[str, ...] = ()
    env_file: str | None = None
    pass_env: tuple[str, ...] = ()
    clean_env: bool = False
    in_place: bool = False
    keep: bool = False
    relock: bool = False
    exact: bool = False
    tracking: bool = True
    log_here: bool = False
    skip_unmapped: bool = False
    link_scripts: bool = False
    docker_args: tuple[str, ...] = ()
    build_image: bool = False
    no_network: bool = False
    read_only: bool = False

    def of_containers(self) -> list[str]:
        """The flags given that mean nothing to a step that runs on the machine itself."""
        flags = (
            ("--docker-args", self.docker_args),
            ("--build-image", self.build_image),
        )
        return [flag for flag, given in flags if given]


ENVIRONMENT_MANAGERS = {
    "local": "local",
    "venv": "venv",
    "virtualenv": "venv",
    "uv": "venv",
    "conda": "conda",
    "docker": "docker",
}


def standing_directory() -> Path:
    """The absolute directory that this process stands in.

    Raises:
        RequestError: somebody has deleted it.
    """
    from pathlib import Path

    try:
        return Path.cwd()
    except FileNotFoundError:
        raise RequestError(
            "the directory that you stand in is gone", hint="change to one that is there: `cd`"
        ) from None


def read_pairs(pairs: Iterable[str], *, flag: str, what: str) -> dict[str, str]:
    """Read `NAME=value` texts given with a repeatable flag; the value may hold `=`.

    Args:
        pairs: the texts as given.
        flag: for messages, such as `-P`.
        what: for messages, such as `parameter`.

    Raises:
        RequestError: a text without `=` or without a name, or a name given twice.
    """
    values: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise RequestError(
                f"`{flag} {pair}` is not of the form NAME=value",
                hint=f"write `{flag} {name or 'NAME'}=VALUE`, quoted where the shell needs it",
            )
        if name in values:
            raise RequestError(
                # The values stay out: which parameters are secret is not known yet.
                f"{what} `{name}` is given twice",
                hint=f"keep one of the two `{flag} {name}=…`",
            )
        values[name] = value
    return values


def read_environment_manager(name: str | None) -> str | None:
    """The environment kind that `--env-manager NAME` means, MLflow's names included.

    Raises:
        RequestError: a name that is none of them.
    """
    if name is None or name in ENVIRONMENT_MANAGERS:
        return None if name is None else ENVIRONMENT_MANAGERS[name]
    from runner.nearest import nearest

    near = nearest(name, ENVIRONMENT_MANAGERS)
    known = ", ".join(ENVIRONMENT_MANAGERS)
    raise RequestError(
        f"there is no environment manager `{name}`: {known}",
        hint=f"did you mean `--env-manager {near}`?" if near else "pass one of those",
    )


def read_duration(text: str) -> float:
    """Seconds in `90`, `1.5`, `90s`, `15m`, `2h` or `1d`.

    Raises:
        RequestError: not a duration, or none that is longer than nothing.
    """
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    number, factor = (text[:-1], units[text[-1]]) if text[-1:] in units else (text, 1)
    try:
        seconds = float(number) * factor
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise RequestError(
            f"`{text}` is not a duration", hint="write seconds, or `90s`, `15m`, `2h`"
        )
    return seconds


def read_as_of(text: str | None) -> str | None:
    """`commit`, or the RFC 3339 time that a date or time means (a date: its end, in UTC).

    Raises:
        RequestError: neither.
    """
    if text is None or text == "commit":
        return text
    from datetime import UTC, datetime, timedelta

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise RequestError(
            f"`--as-of {text}` is neither `commit` nor a date",
            hint="write `--as-of commit` or a date such as `--as-of 2024-03-31`",
        ) from None
    if len(text) <= len("2024-03-31"):
        moment += timedelta(days=1)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if moment > datetime.now(UTC) + timedelta(days=1):
        raise RequestError(
            f"`--as-of {text}` is in the future", hint="give a day that has been, or `commit`"
        )
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_python(text: str | None) -> str | None:
    """A version of Python, or a specifier, as a manifest may have it.

    Raises:
        RequestError: it is neither.
    """
    from runner.environments import versions

    try:
        if text is None or versions.parse(text):
            return text
    except ValueError:
        pass
    raise RequestError(
        f"`--python {text}` is no Python version",
        hint="write a version such as `3.11` or `>=3.10,<3.13`",
    )


def read_packages(lines: Iterable[str]) -> tuple[str, ...]:
    """Requirements such as `scikit-learn` or `numpy<2`.

    Raises:
        RequestError: one of them is something else.
    """
    import re

    from runner.environments.requirements import name_of

    found = tuple(line.strip() for line in lines)
    for line in found:
        # A named one, with extras, versions, an address or a marker; no option, no path.
        rest = re.sub(r"^[A-Za-z0-9][\w.-]*\s*(\[[^\]]*\])?\s*", "", line)
        if name_of(line) is None or not re.match(r"$|==|[<>!~@;(]", rest) or "\n" in line:
            raise RequestError(
                f"`--add-package {line}` is no requirement",
                hint="write it as `--add-package 'numpy<2'`",
            )
    return found


def check_backend(name: str, config: str | None) -> None:
    """Check `--backend` and `--backend-config`; the local backend has no settings of its own.

    Raises:
        RequestError: another backend, or a configuration that is no JSON object.
    """
    if name != "local":
        raise RequestError(
            f"there is no backend `{name}`, only `local`", hint="leave `--backend` away"
        )
    if config is None:
        return
    import json
    from pathlib import Path

    try:
        written_out = config.lstrip()[:1] in {"{", "["}
        document = json.loads(config if written_out else Path(config).read_text("utf-8"))
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise RequestError(
            f"`--backend-config {config}` can't be read: {reason}",
            hint="pass the path of a JSON file, or a JSON object",
        ) from None
    if not isinstance(document, dict):
        raise RequestError(
            f"`--backend-config {config}` holds no JSON object", hint="write `{}` for no settings"
        )
