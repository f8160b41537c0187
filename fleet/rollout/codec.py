"""Frozen dataclasses to JSON-able data and back, driven by their type annotations.

Knows nothing of rollouts: dataclasses, enums, datetimes, mappings with string keys, sequences,
sets, optional values and unions of dataclasses (told apart by a `kind` member).  Fields that hold
their default are left out, so an old record is read with the defaults of today.  `record` says
what is stored in this form.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any

Convert = Callable[[Any], Any]
TAG = "kind"


def to_data(value: Any, declared: Any = None) -> Any:
    """Make plain JSON-able data of `value`, which is of the type `declared` (default: its own)."""
    shape: Any = type(value) if declared is None else declared
    return _encoder(shape)(value)


def from_data(declared: Any, data: Any) -> Any:
    """Rebuild a value of the type `declared` from what `to_data` made of it.

    Raises:
        ValueError: `data` is not of that shape.
    """
    try:
        return _decoder(declared)(data)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"not a record of {declared}: {error}") from error


@cache
def _encoder(declared: Hashable) -> Convert:
    shape = _plain(declared)
    origin, args = typing.get_origin(shape), typing.get_args(shape)
    if origin in (typing.Union, types.UnionType):
        return _union_encoder([arg for arg in args if arg is not types.NoneType])
    if dataclasses.is_dataclass(shape):
        return _dataclass_encoder(shape)
    if shape is datetime:
        return datetime.isoformat
    if isinstance(shape, type) and issubclass(shape, Enum):
        return lambda value: value._value_  # `value` itself is a property in Python, and slow
    if origin is not None and issubclass(origin, Mapping):
        item = _encoder(args[1])
        return lambda value: {str(key): item(each) for key, each in value.items()}
    if origin is frozenset:
        item = _encoder(args[0])
        return lambda value: sorted(item(each) for each in value)
    if origin is not None and issubclass(origin, Iterable):
        item = _encoder(args[0])
        return lambda value: [item(each) for each in value]
    return _same


@cache
def _decoder(declared: Hashable) -> Convert:
    shape = _plain(declared)
    origin, args = typing.get_origin(shape), typing.get_args(shape)
    if origin in (typing.Union, types.UnionType):
        return _union_decoder([arg for arg in args if arg is not types.NoneType])
    if dataclasses.is_dataclass(shape):
        return _dataclass_decoder(shape)
    if shape is datetime:
        return datetime.fromisoformat
    if isinstance(shape, type) and issubclass(shape, Enum):
        return shape
    if origin is not None and issubclass(origin, Mapping):
        item = _decoder(args[1])
        return lambda data: {key: item(each) for key, each in data.items()}
    if origin is frozenset:
        item = _decoder(args[0])
        return lambda data: frozenset(item(each) for each in data)
    if origin is not None and issubclass(origin, Sequence):
        item = _decoder(args[0])
        return lambda data: tuple(item(each) for each in data)
    return _same


def _same(value: Any) -> Any:
    return value


def _plain(declared: Any) -> Any:
    """Look through NewType to what it renames."""
    while isinstance(declared, typing.NewType):
        declared = declared.__supertype__
    return declared


def _union_encoder(members: Sequence[Any]) -> Convert:
    if len(members) == 1:
        only = _encoder(members[0])
        return lambda value: None if value is None else only(value)
    if not all(dataclasses.is_dataclass(member) for member in members):
        return _same

    def encode(value: Any) -> Any:
        if value is None:
            return None
        return {TAG: type(value).__name__, **to_data(value)}

    return encode


def _union_decoder(members: Sequence[Any]) -> Convert:
    if len(members) == 1:
        only = _decoder(members[0])
        return lambda data: None if data is None else only(data)
    if not all(dataclasses.is_dataclass(member) for member in members):
        return _same
    by_name: dict[str, Convert] = {member.__name__: _decoder(member) for member in members}

    def decode(data: Any) -> Any:
        if data is None:
            return None
        return by_name[data[TAG]]({key: value for key, value in data.items() if key != TAG})

    return decode


def _dataclass_encoder(declared: Any) -> Convert:
    hints = typing.get_type_hints(declared)
    fields = [
        (field.name, _encoder(hints[field.name]), _default_of(field))
        for field in dataclasses.fields(declared)
    ]

    def encode(value: Any) -> Any:
        data = {}
        for name, convert, default in fields:
            held = getattr(value, name)
            if held is not default and held != default:
                data[name] = convert(held)
        return data

    return encode


def _dataclass_decoder(declared: Any) -> Convert:
    hints = typing.get_type_hints(declared)
    converts = {field.name: _decoder(hints[field.name]) for field in dataclasses.fields(declared)}

    def decode(data: Any) -> Any:
        return declared(**{name: converts[name](value) for name, value in data.items()})

    return decode


def _default_of(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return dataclasses.MISSING
