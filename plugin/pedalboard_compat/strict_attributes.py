"""Refusal of misspelt settings, as pedalboard's plugins refuse them."""

from __future__ import annotations

import difflib
import inspect


class StrictAttributes:
    """Base class whose objects refuse to be given attributes that their class does not know.

    Known are the properties and other attributes of the class, names with a leading underscore, and names
    that a class declares. A subclass declares an attribute of its own by an annotation in its body:

    >>> class Labelled(StrictAttributes):
    ...     label: str
    >>> effect = Labelled()
    >>> effect.label = "left"
    >>> effect.lable = "right"
    Traceback (most recent call last):
        ...
    AttributeError: Labelled has no attribute 'lable'. Did you mean 'label'?
    """

    def __setattr__(self, name: str, value: object) -> None:
        if name[:1] != "_" and not hasattr(type(self), name) and name not in _declared(type(self)):
            raise AttributeError(_unknown(type(self), name), name=name, obj=self)
        super().__setattr__(name, value)


def _declared(kind: type) -> set[str]:
    return {name for base in kind.__mro__ for name in inspect.get_annotations(base)}


def _unknown(kind: type, name: str) -> str:
    text = f"{kind.__name__} has no attribute {name!r}."
    known = [known for known in {*dir(kind), *_declared(kind)} if not known.startswith("_")]
    nearest = difflib.get_close_matches(name, sorted(known), n=1)
    if nearest:
        return f"{text} Did you mean {nearest[0]!r}?"
    return f"{text} A subclass declares its own attributes by annotations in its body, such as {name}: float."
