"""What `-A`/`--docker-args` asks of the container: flags of `docker run`, as a create body."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct, field

from runner.containers.options.bodies import HIDDEN, Body, merge, placed
from runner.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from runner.containers.options.flags import Flag

SHOWN = 60


class Arguments(Struct, frozen=True):
    """What the flags ask for.

    Attributes:
        body: to be merged into the body of `POST /containers/create`.
        platform: such as `linux/arm64`, None where none is asked for.
        pull: `always`, `missing` or `never`; None where it is not said.
        volumes: as given with `-A v=…`; what they mean is for the caller to resolve.
        variables: (name, value) in the order in which they count, value None to copy the host's.
        entrypoint: to take the image's place; `("",)` for none at all, None to keep the image's.
        network: the first network's name or mode, None where none is asked for; also in `body`.
        warnings: of flags without effect, to be shown.
    """

    body: Body = field(default_factory=dict)
    platform: str | None = None
    pull: str | None = None
    volumes: tuple[str, ...] = ()
    variables: tuple[tuple[str, str | None], ...] = ()
    entrypoint: tuple[str, ...] | None = None
    network: str | None = None
    warnings: tuple[str, ...] = ()


class Given(NamedTuple):
    """One `-A`.

    Attributes:
        text: as it was given.
        name: the flag's long name, or as given where there is no such flag.
        value: None where there is no `=`.
    """

    text: str
    name: str
    value: str | None

    @property
    def shown(self) -> str:
        """How it was given, for messages, without what may be a secret."""
        text = self.text
        if self.name in ("env", "label", "log-opt") and text.count("=") > 1:
            text = "=".join(text.split("=")[:2]) + "=…"
        return f"`-A {text if len(text) <= SHOWN else text[: SHOWN - 1] + '…'}`"


def read(texts: Sequence[str], *, caller: Path) -> Arguments:
    """What the flags ask for.

    Args:
        texts: each of `-A`: `gpus=all`, `t`, `v=/a:/b`, `shm-size=2g`; leading dashes may be there.
        caller: where relative paths start, such as an env file's.

    Raises:
        RequestError: a flag is unknown, repeated, can't be obeyed, or has a wrong value.
    """
    if not texts:
        return Arguments()
    given = [_parted(text) for text in texts]
    warnings = [warning for one in given if (warning := _fate(one))]
    found = _read_all(given, caller)
    return Arguments(
        body=_body(found),
        platform=_last(found, "platform"),
        pull=_last(found, "pull"),
        volumes=tuple(one.value or "" for one, _ in found.get("volume", ())),
        variables=_variables(found),
        entrypoint=_entrypoint(found),
        network=_network(found),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def secrets_left_out(texts: Sequence[str]) -> list[str]:
    """The flags as a record may have them: without values that may be secret.

    What is left of `env=NAME=value` is `env=NAME`, by which a rerun takes the caller's own.
    """
    kept = []
    for given in map(_parted, texts):
        name, assigned, _ = (given.value or "").partition("=")
        if assigned and given.name == "env":
            kept.append(f"env={name}")
        elif assigned and given.name == "log-opt":
            kept.append(f"log-opt={name}={HIDDEN}")
        else:
            kept.append(given.text)
    return kept


Found = dict[str, list[tuple[Given, object]]]


def _parted(text: str) -> Given:
    from runner.containers.options.flags import SHORT

    name, assigned, value = text.partition("=")
    bare = name.strip().lstrip("-")
    return Given(text, SHORT.get(bare, bare), value if assigned else None)


def _fate(given: Given) -> str | None:
    """A warning where the flag has no effect.

    Raises:
        RequestError: it can't be obeyed.
    """
    from runner.containers.options import fates
    from runner.containers.options.values import FALSE

    name, value = given.name, given.value
    if name not in fates.ALL:
        return None
    if value is None and name not in fates.NO_VALUE:
        raise RequestError(f"{given.shown} needs a value", f"write `-A {name}=…`, or remove it")
    refused = fates.REFUSED.get(name)
    if (name, value) in fates.HARMLESS or (name in fates.NO_VALUE and value in FALSE):
        refused = fates.SWITCHED_OFF.get(name) if value in FALSE else None
    elif name in fates.WITHOUT_EFFECT:
        return f"{given.shown} has no effect: {fates.WITHOUT_EFFECT[name]}"
    if refused:
        why, way = refused
        raise RequestError(f"{given.shown} can't be obeyed: {why}", way)
    return None


def _read_all(given: Iterable[Given], caller: Path) -> Found:
    from runner.containers.options.fates import ALL
    from runner.containers.options.flags import KNOWN

    found: Found = {}
    for one in given:
        if one.name in ALL:
            continue
        flag = KNOWN.get(one.name)
        if flag is None:
            raise _unknown(one)
        before = found.setdefault(one.name, [])
        if before and not (flag.listed or flag.mapped):
            message = f"{one.shown} repeats `{before[0][0].text}`, which can be given only once"
            raise RequestError(message, "remove one of them")
        before.append((one, _value(one, flag, caller)))
    return found


def _unknown(given: Given) -> RequestError:
    from runner.containers.options.fates import ALL
    from runner.containers.options.flags import KNOWN, SHORT
    from runner.nearest import nearest

    first, _, rest = given.name.partition(" ")
    if rest and SHORT.get(first, first) in {*KNOWN, *ALL}:
        way = f"write `-A {first}={rest.strip()}`"
    else:
        near = nearest(given.name, (*KNOWN, *ALL))
        way = f"did you mean `-A {near}`?" if near else "see `docker run --help` for its flags"
    return RequestError(f"{given.shown}: `docker run` has no flag `{given.name}`", way)


def _value(given: Given, flag: Flag, caller: Path) -> object:
    text = given.value
    if text is None:
        if not flag.switch:
            way = f"write `-A {given.name}={flag.example}`"
            raise RequestError(f"{given.shown} needs a value", way)
        text = "true"
    try:
        if "\0" in text:
            raise ValueError("must not hold a NUL character")  # noqa: TRY301
        return flag.read_at(text, caller) if flag.read_at else flag.read(text)
    except ValueError as wrong:
        way = f"write it like `-A {given.name}={flag.example}`"
        raise RequestError(f"{given.shown} {wrong}", way) from None


def _body(found: Found) -> dict[str, object]:
    from runner.containers.options.flags import PLACED

    _sound(found)
    body: dict[str, object] = {}
    for name, flag in PLACED.items():
        for _, value in found.get(name, ()):
            item = [value] if flag.listed and flag.place else value
            part = placed(flag.place, item) if flag.place else item
            body = merge(body, part)  # type: ignore[arg-type]
    if any(value for _, value in found.get("no-healthcheck", ())):
        body = merge(body, {"Healthcheck": {"Test": ["NONE"]}})
    return merge(_one_limit_each(body), _networks(found))


def _sound(found: Found) -> None:
    if any(value for _, value in found.get("no-healthcheck", ())):
        other = next((name for name in found if name.startswith("health-")), None)
        if other:
            raise RequestError(f"`-A no-healthcheck` and `-A {other}` contradict", "remove one")
    if _last(found, "log-driver") == "none" and "log-opt" in found:
        message = f"{found['log-opt'][0][0].shown} has no log to speak of: the log driver is `none`"
        raise RequestError(message, "remove one of them")


def _one_limit_each(body: dict[str, object]) -> dict[str, object]:
    """Of two limits of one name the later counts, as on the command line."""
    config = body.get("HostConfig")
    if isinstance(config, dict) and "Ulimits" in config:
        by_name = {limit["Name"]: limit for limit in config["Ulimits"]}
        config["Ulimits"] = [by_name[name] for name in sorted(by_name)]
    return body


def _networks(found: Found) -> Body:
    from runner.containers.options import networks

    given: Mapping[str, list[str]] = {
        name: [one.value or "" for one, _ in found[name]]
        for name in networks.FLAGS
        if name in found
    }
    try:
        return networks.body(given) if given else {}
    except networks.Clash as clash:
        shown = ", ".join(one.shown for name in given for one, _ in found[name])
        raise RequestError(f"{shown}: {clash}", "correct one of them, or remove it") from None


def _last(found: Found, name: str) -> str | None:
    return found[name][-1][0].value if name in found else None


def _entrypoint(found: Found) -> tuple[str, ...] | None:
    text = _last(found, "entrypoint")
    return None if text is None else (text,)


def _network(found: Found) -> str | None:
    from runner.containers.options.networks import network

    return network(found["network"][0][0].value or "")["name"][-1] if "network" in found else None


def _variables(found: Found) -> tuple[tuple[str, str | None], ...]:
    """Those of files first, so that one given by itself has the last word."""
    pairs: list[tuple[str, str | None]] = []
    for _, lines in found.get("env-file", ()):
        pairs += lines  # type: ignore[arg-type]
    for _, pair in found.get("env", ()):
        pairs.append(pair)  # type: ignore[arg-type]
    return tuple(pairs)
