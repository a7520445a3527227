"""Containers flattened into a tree of effects: hushgate's and pedalboard's, nested at any depth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pedalboard

from hushgate.errors import DuplicateEffectError
from hushgate.pedalboard_compat.effect_protocol import Container, Effect
from hushgate.pedalboard_compat.native_effects import NOT_STREAMABLE


@dataclass(frozen=True, eq=False)
class Branches:
    """Branches side by side, and the container that holds them."""

    source: object
    branches: tuple[tuple[object, tuple[Node, ...]], ...]


Node = pedalboard.Plugin | Effect | Branches


@dataclass(frozen=True, eq=False)
class EffectTree:
    """The effects of a container in order, with its transparent containers flattened.

    Attributes:
        nodes: Effects one after the other; `Branches` where some run side by side.
        is_native: True when pedalboard alone can run it.
        objects: Every object in reading order, to compare two trees.
    """

    nodes: tuple[Node, ...]
    is_native: bool
    objects: tuple[object, ...]

    def same_as(self, other: EffectTree | None) -> bool:
        """True when both have the same objects in the same places."""
        return (
            other is not None
            and len(self.objects) == len(other.objects)
            and all(mine is theirs for mine, theirs in zip(self.objects, other.objects, strict=True))
        )

    def leaves(self) -> list[pedalboard.Plugin | Effect]:
        """Every effect in it that is not a container."""
        return list(_leaves(self.nodes))

    def native_plugins(self) -> list[pedalboard.Plugin]:
        """The leaves that are pedalboard's."""
        return [leaf for leaf in _leaves(self.nodes) if isinstance(leaf, pedalboard.Plugin)]

    def not_streamable(self) -> list[str]:
        """Names of the native plugins in it that pedalboard cannot run block by block."""
        return sorted({type(plugin).__name__ for plugin in self.native_plugins()} & NOT_STREAMABLE)

    def python_effects(self) -> list[Effect]:
        """The leaves that are not pedalboard's."""
        return [leaf for leaf in _leaves(self.nodes) if not isinstance(leaf, pedalboard.Plugin)]


def read_tree(container: Container, members: Iterable[Effect | None] | None = None) -> EffectTree:
    """The tree of a container.

    Args:
        container: The container; it is not called or changed.
        members: Members to read instead of its own, to check them before they go in.

    Raises:
        DuplicateEffectError: The same object is in it twice, or a container is in itself.
    """
    reader = _Reader()
    reader.enter(container)
    # The container keeps its tree. If the tree kept the container, only the cyclic collector would free them.
    reader.objects.clear()
    nodes = reader.inside(
        container, container._is_parallel, container._effects if members is None else members
    )
    return EffectTree(nodes, reader.is_native, tuple(reader.objects))


def read_effect(effect: Effect | None) -> EffectTree:
    """The tree of one effect, which may be a container.

    Raises:
        DuplicateEffectError: As `read_tree`.
    """
    reader = _Reader()
    nodes = tuple(reader.nodes(effect))
    return EffectTree(nodes, reader.is_native, tuple(reader.objects))


# Marks the end of a container in `EffectTree.objects`, so that [[a], b] and [[a, b]] differ.
_END = object()
# Chains in chains. Reading them is recursive, and Python ends at about 1,000 calls.
_MAX_DEPTH = 64


class _Reader:
    def __init__(self) -> None:
        self.is_native = True
        self.objects: list[object] = []
        self._seen: set[int] = set()
        self._depth = 0

    def enter(self, effect: object) -> None:
        if id(effect) in self._seen:
            raise DuplicateEffectError(
                f"the same {type(effect).__name__} is in the chain twice (at {hex(id(effect))}). "
                "Make another one for each place."
            )
        self._seen.add(id(effect))
        self.objects.append(effect)

    def inside(self, source: object, is_parallel: bool, members: Iterable[Effect | None]) -> tuple[Node, ...]:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ValueError(f"chains must be nested at most {_MAX_DEPTH} deep (got more).")
        if is_parallel:
            # A native Mix drops its waiting samples at every call, so only a whole native chain may hold one.
            self.is_native = self.is_native and isinstance(source, pedalboard.Plugin)
            branches = tuple((member, tuple(self.nodes(member))) for member in members)
            nodes: tuple[Node, ...] = (Branches(source, branches),)
        else:
            nodes = tuple(node for member in members for node in self.nodes(member))
        self.objects.append(_END)
        self._depth -= 1
        return nodes

    def nodes(self, effect: Effect | None) -> Sequence[Node]:
        if effect is None:
            self.objects.append(None)
            return ()
        self.enter(effect)
        if isinstance(effect, pedalboard.PluginContainer):
            return self.inside(effect, isinstance(effect, pedalboard.Mix), iter(effect))
        if isinstance(effect, pedalboard.Plugin):
            return (effect,)
        if isinstance(effect, Container) and effect._is_transparent:
            return self.inside(effect, effect._is_parallel, effect._effects)
        self.is_native = False
        return (effect,)


def _leaves(nodes: Iterable[Node]) -> Iterator[pedalboard.Plugin | Effect]:
    for node in nodes:
        if isinstance(node, Branches):
            for _, branch in node.branches:
                yield from _leaves(branch)
        else:
            yield node
