"""Turns YAML text into nodes with positions; the only module that knows PyYAML.

PyYAML's pure Python parser is used on purpose: libyaml reads some files that it refuses, and the
other way round. MLflow uses the pure one, so both understand a manifest alike; it costs about a
millisecond. Nothing here recurses, and an alias adds what it stands for to the count of nodes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, cast

from msgspec import Struct, field

from runner.manifest.document import Entry, ListNode, MappingNode, Node, ScalarNode, Spot, shorten

if TYPE_CHECKING:
    from collections.abc import Callable

    import yaml

    _Resolve = Callable[[type[yaml.Node], str, tuple[bool, bool]], str]

MAX_DEPTH = 50
MAX_NODES = 20_000
MAX_NUMBER = 1_000
CORE = "tag:yaml.org,2002:"
SCALAR_TAGS = frozenset(
    CORE + name for name in ("str", "int", "float", "bool", "null", "timestamp", "merge", "value")
)


class Unreadable(Exception):
    """Text that isn't YAML, or YAML that no manifest needs.

    Attributes:
        reason: PyYAML's words, or ours.
        spot: where it was noticed.
        opened: where what was being read began, such as an unclosed quote.
    """

    def __init__(self, reason: str, spot: Spot, opened: Spot | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.spot = spot
        self.opened = opened


class _Open(Struct):
    """A collection whose end has not been seen yet, or the document itself."""

    kind: str
    line: int
    column: int
    anchor: str | None = None
    children: list[Node] = field(default_factory=list)
    size: int = 1


def compose(text: str) -> Node | None:
    """The one document in `text`, None where it holds nothing but comments.

    Raises:
        Unreadable: it isn't YAML, holds several documents, tags, or far too much.
    """
    import yaml

    try:
        return _Composer(yaml.SafeLoader(text)).document()
    except yaml.reader.ReaderError as error:
        spot = Spot.at(text, error.position)
        raise Unreadable("special characters are not allowed", spot) from error
    except yaml.MarkedYAMLError as error:
        opened = _spot(error.context_mark)
        noticed = _spot(error.problem_mark) or opened or Spot(1, 1)
        raise Unreadable(f"{error.context or ''}: {error.problem}", noticed, opened) from error


class _Composer:
    """Builds nodes from parser events, with a stack of its own instead of recursion."""

    def __init__(self, loader: yaml.SafeLoader) -> None:
        self._loader = loader
        self._stack = [_Open("document", 1, 1)]
        self._anchors: dict[str, tuple[Node, int] | None] = {}

    def document(self) -> Node | None:
        """Read events until the stream ends."""
        import yaml

        loader, documents = self._loader, 0
        while not loader.check_event(yaml.StreamEndEvent):
            event = cast("Callable[[], yaml.Event]", loader.get_event)()
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    _refuse("expected a single document", event)
            elif isinstance(event, yaml.NodeEvent):
                self._node(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._close()
        return self._stack[0].children[0] if documents else None

    def _node(self, event: yaml.NodeEvent) -> None:
        import yaml

        anchor = event.anchor
        if isinstance(event, yaml.AliasEvent):
            self._add(*self._aliased(event))
            return
        if anchor is not None:
            if anchor in self._anchors:
                _refuse(f"found duplicate anchor `{anchor}`", event)
            self._anchors[anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            self._add(self._scalar(event), 1, anchor)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._open(event, "map" if isinstance(event, yaml.MappingStartEvent) else "seq")

    def _open(self, event: yaml.CollectionStartEvent, kind: str) -> None:
        if event.tag not in {None, "!", CORE + kind}:
            _refuse(f"tag `{shorten(str(event.tag))}` is not allowed", event)
        if len(self._stack) > MAX_DEPTH:
            _refuse(f"nested more than {MAX_DEPTH} deep", event)
        self._stack.append(_Open(kind, *_place(event), event.anchor))

    def _aliased(self, event: yaml.AliasEvent) -> tuple[Node, int]:
        name = cast("str", event.anchor)
        if name not in self._anchors:
            _refuse(f"found undefined alias `{name}`", event)
        found = self._anchors[name]
        if found is None:
            _refuse(f"alias `{name}` contains itself", event)
        return found

    def _add(self, node: Node, size: int, anchor: str | None = None) -> None:
        if anchor is not None:
            self._anchors[anchor] = (node, size)
        top = self._stack[-1]
        top.children.append(node)
        top.size += size
        if top.size > MAX_NODES:
            raise Unreadable(f"more than {MAX_NODES} values", Spot(top.line, top.column))

    def _close(self) -> None:
        closed = self._stack.pop()
        node: Node
        if closed.kind == "seq":
            node = ListNode(tuple(closed.children), closed.line, closed.column)
        else:
            node = _mapping(closed)
        self._add(node, closed.size, closed.anchor)

    def _scalar(self, event: yaml.ScalarEvent) -> ScalarNode:
        import yaml

        tag = event.tag
        if tag is None or tag == "!":
            resolve = cast("_Resolve", self._loader.resolve)
            tag = resolve(yaml.ScalarNode, event.value, event.implicit)
        if tag not in SCALAR_TAGS:
            _refuse(f"tag `{shorten(tag)}` is not allowed", event)
        span = (event.start_mark.index, event.end_mark.index)  # type: ignore[union-attr]
        plain = event.style is None
        return ScalarNode(self._value(tag, event), event.value, plain, *_place(event), *span)

    def _value(self, tag: str, event: yaml.ScalarEvent) -> object:
        """What YAML 1.1 makes of a scalar; a merge key or `=` stays as it is written."""
        import yaml

        if tag in {CORE + "str", CORE + "merge", CORE + "value"}:
            return event.value
        try:
            text = event.value if len(event.value) <= MAX_NUMBER else "too long to be one"
            value: object = self._loader.construct_object(yaml.ScalarNode(tag, text))
            str(value)  # an integer may have more digits than Python is willing to print
        except (ValueError, LookupError, AttributeError, TypeError, OverflowError):
            what = tag.removeprefix(CORE)
            _refuse(f"`{shorten(event.value)}` can't be read as a YAML {what}", event)
        return value


def _mapping(closed: _Open) -> MappingNode:
    own: dict[object, Entry] = {}
    merged: dict[object, Entry] = {}
    duplicates: list[tuple[ScalarNode, int]] = []
    pairs = iter(closed.children)
    for key, value in zip(pairs, pairs, strict=True):
        if not isinstance(key, ScalarNode):
            raise Unreadable("found unhashable key", Spot(key.line, key.column))
        if key.plain and key.text == "<<":
            merged.update(_merge(key, value))
            continue
        if key.value in own:
            duplicates.append((key, own[key.value].key.line))
        own[key.value] = Entry(key, value)
    entries = tuple({**merged, **own}.values())
    return MappingNode(entries, tuple(duplicates), closed.line, closed.column)


def _merge(key: ScalarNode, value: Node) -> dict[object, Entry]:
    """What a merge key brings in; of several mappings the first that has a key wins."""
    sources = value.items if isinstance(value, ListNode) else (value,)
    found: dict[object, Entry] = {}
    for source in reversed(sources):
        if not isinstance(source, MappingNode):
            raise Unreadable("expected a mapping for merging", Spot(key.line, key.column))
        found.update({entry.key.value: entry for entry in source.entries})
    return found


def _place(event: yaml.Event) -> tuple[int, int]:
    mark = cast("yaml.Mark", event.start_mark)
    return mark.line + 1, mark.column + 1


def _spot(mark: yaml.Mark | None) -> Spot | None:
    return Spot(mark.line + 1, mark.column + 1) if mark else None


def _refuse(reason: str, event: yaml.Event) -> NoReturn:
    raise Unreadable(reason, Spot(*_place(event)))
