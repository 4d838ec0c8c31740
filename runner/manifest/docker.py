"""The `docker_env` of a manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.manifest import build_files
from runner.manifest.document import (
    Entry,
    ListNode,
    MappingNode,
    ScalarNode,
    as_value,
    shorten,
    text_of,
)
from runner.manifest.model import DockerEnvironment, EnvironmentReference
from runner.manifest.shape import Scope, known_keys, repeated_keys, value_of

if TYPE_CHECKING:
    from runner.manifest.document import Node
    from runner.source.model import ProjectFiles

KEYS = ("image", "volumes", "environment", "dockerfile", "context", "target", "args")
PAIR = 2


def docker_environment(entry: Entry, files: ProjectFiles, scope: Scope) -> EnvironmentReference:
    """The environment that `docker_env` describes."""
    body = entry.value
    docker = DockerEnvironment()
    if isinstance(body, MappingNode):
        docker = _docker(body, files, Scope(scope.complaints, "`docker_env`"))
    else:
        name = shorten(text_of(body) or "my-image")
        scope.wrong(entry, "a mapping", f"write `docker_env: {{image: {name}}}`")
    return EnvironmentReference(
        "docker_env", docker=docker, declared=True, line=entry.key.line, column=entry.key.column
    )


def _docker(body: MappingNode, files: ProjectFiles, scope: Scope) -> DockerEnvironment:
    known_keys(body, KEYS, scope)
    image, dockerfile = _word(body, "image", scope), _word(body, "dockerfile", scope)
    context = _word(body, "context", scope)
    _build(body, image, dockerfile, scope)
    if not image and not dockerfile:
        # A wrong value has been told of already.
        given = [value_of(body, name) for name in ("image", "dockerfile")]
        if not any(entry and text_of(entry.value) is None for entry in given):
            message = "`docker_env` names no image"
            scope.error(body, "missing-key", message, "add `image:`, or `dockerfile:` to build one")
    return DockerEnvironment(
        image=image,
        dockerfile=build_files.dockerfile(body, dockerfile, files, scope),
        context=build_files.context(body, context, files, scope),
        target=_word(body, "target", scope),
        args=_arguments(body, scope),
        volumes=_volumes(body, scope),
        variables=_variables(body, scope),
        as_written={inner.name: as_value(inner.value) for inner in body.entries},
    )


def _build(body: MappingNode, image: str | None, dockerfile: str | None, scope: Scope) -> None:
    """Warn of what contradicts that an image is built, or that none is."""
    if dockerfile and image and "@" in image and (entry := value_of(body, "image")):
        message = f"`image: {shorten(image)}` names a digest, and `dockerfile` builds another image"
        hint = "remove `dockerfile` to run in that image, or the digest to name what is built"
        scope.warning(entry.value, "built-image", message, hint)
    if image and not dockerfile:
        for name in ("context", "target", "args"):
            if entry := value_of(body, name):
                message = f"`{name}` is not used: `docker_env` names no `dockerfile`"
                hint = "add `dockerfile:` to build the image, or remove the line"
                scope.warning(entry.key, "unused-key", message, hint)


def _word(body: MappingNode, name: str, scope: Scope) -> str | None:
    entry = value_of(body, name)
    if entry is None:
        return None
    word = text_of(entry.value)
    if word is None:
        scope.wrong(entry, "text", f"quote it: `{name}: '…'`")
    return word or None


def _arguments(body: MappingNode, scope: Scope) -> dict[str, str]:
    entry = value_of(body, "args")
    if entry is None:
        return {}
    if isinstance(entry.value, MappingNode):
        repeated_keys(entry.value, scope)
        values = [inner.value for inner in entry.value.entries]
        if all(isinstance(value, ScalarNode) for value in values):
            return {
                inner.name: inner.value.text
                for inner in entry.value.entries
                if isinstance(inner.value, ScalarNode)
            }
    scope.wrong(entry, "a mapping of names to texts", "write `args: {NAME: value}`")
    return {}


def _volumes(body: MappingNode, scope: Scope) -> tuple[str, ...]:
    entry = value_of(body, "volumes")
    if entry is None:
        return ()
    items = entry.value.items if isinstance(entry.value, ListNode) else None
    texts = [text_of(item) for item in items] if items is not None else [None]
    if not all(texts):
        hint = "write `volumes: ['/data:/data']`"
        scope.wrong(entry, "a list of texts", hint)
        return ()
    return tuple(text for text in texts if text)


def _variables(body: MappingNode, scope: Scope) -> tuple[tuple[str, str | None], ...]:
    entry = value_of(body, "environment")
    if entry is None:
        return ()
    if not isinstance(entry.value, ListNode):
        hint = "write `environment: [NAME_TO_COPY, [NAME, value]]`"
        scope.wrong(entry, "a list", hint)
        return ()
    found = [_variable(item, entry, scope) for item in entry.value.items]
    return tuple(variable for variable in found if variable)


def _variable(node: Node, entry: Entry, scope: Scope) -> tuple[str, str | None] | None:
    word = text_of(node)
    if word is not None:
        name, assigned, value = word.partition("=")
        if not name:
            scope.wrong(Entry(entry.key, node), "names of variables", "write `NAME`")
            return None
        if assigned:
            message = f"`{shorten(name)}=…` is read as a pair; to MLflow it is a name"
            scope.warning(node, "variable-pair", message, f"write `[{shorten(name)}, …]`")
        return (name, value if assigned else None)
    pair = node.items if isinstance(node, ListNode) else ()
    name_text = text_of(pair[0]) if pair else None
    if name_text and len(pair) <= PAIR and all(isinstance(part, ScalarNode) for part in pair):
        value_node = pair[-1]
        if len(pair) == PAIR and isinstance(value_node, ScalarNode):
            return (name_text, str(value_node.value))
        message = f"`[{shorten(name_text)}]` has no value: the host's is copied"
        scope.warning(node, "variable-pair", message, f"write `{shorten(name_text)}`")
        return (name_text, None)
    hint = "write `NAME` to copy a variable, or `[NAME, value]` to set one"
    scope.wrong(Entry(entry.key, node), "names, or pairs of a name and a value", hint)
    return None
