# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the parameters of a call as `PVE/JSONSchema.pm` does, with its texts.

All errors of a call are reported together. What is accepted comes out in the types of the
schema: integers, numbers, booleans as 0 or 1, lists for arrays, everything else as text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from .calls import CallError
from .formats import PROPERTIES, PropertyFormat, refusal, unknown_cpu
from .schema import Method

MISSING = "property is missing and it is not optional"
ADDITIONAL = "property is not defined in schema and the schema does not allow additional properties"
INTEGER = re.compile(r"[+-]?\d+")
NUMBER = re.compile(r"[+-]?(?:\d+\.\d+|\d+\.|\.\d+|\d+)(?:[eE][+-]?\d+)?")
TRUE = frozenset({"1", "on", "yes", "true"})
FALSE = frozenset({"0", "off", "no", "false"})
Errors = dict[str, str]
Properties = Mapping[str, Mapping[str, Any]]


class FormatError(Exception):
    """A property string that is not well-formed, or whose properties have errors."""


def validate(method: Method, given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a call in the types of its schema.

    `given` holds texts, lists of texts (a key that was repeated, an array) and what JSON knows.
    Raises CallError 400 with an error for each refused parameter.
    """
    errors: Errors = {}
    accepted: dict[str, Any] = {}
    known = {name: schema for name in given if (schema := method.parameter(name)) is not None}
    for name, value in given.items():
        if name in known:
            accepted[name] = _check(name, known[name], _fitted(known[name], value), errors)
        else:
            accepted[name] = value
            if not method.additional_properties:
                errors[name] = ADDITIONAL
    required = {name: schema for name, schema in method.parameters.items() if "[n]" not in name}
    _check_presence(required | known, given, "", errors)
    if errors:
        raise CallError(400, "Parameter verification failed.", errors)
    return accepted


def parse_property_string(form: PropertyFormat, text: str, path: str) -> dict[str, str]:
    """The properties of `[default,]key=value,...`; raises FormatError with Proxmox VE's text."""
    found: dict[str, str] = {}
    for part in text.split(","):
        if part.strip():
            _take(form, part, found)
    errors: Errors = {}
    _check_presence(form, found, f"{path}.", errors)
    for key, value in found.items():
        if key in form:
            _check(f"{path}.{key}", form[key], value, errors)
        else:
            errors[f"{path}.{key}"] = ADDITIONAL
    if errors:
        lines = "".join(f"{name}: {reason}\n" for name, reason in errors.items())
        raise FormatError(f"format error\n{lines}")
    return found


def _check_presence(
    schemas: Properties, given: Mapping[str, Any], prefix: str, errors: Errors
) -> None:
    """Add an error for a missing parameter that is required, by itself or by another one."""
    for name, schema in schemas.items():
        if name not in given:
            if not any(schema.get(key) for key in ("optional", "alias", "oneOf")):
                errors[f"{prefix}{name}"] = MISSING
            continue
        needed = schema.get("requires")
        if isinstance(needed, str) and needed not in given:
            errors[f"{prefix}{needed}"] = f"missing property required by '{prefix}{name}'"


def _take(form: PropertyFormat, part: str, found: dict[str, str]) -> None:
    """Add one part of a property string to what was found."""
    key, equals, value = part.partition("=")
    if not equals:
        key = next((name for name, schema in form.items() if schema.get("default_key")), "")
        if not key:
            raise FormatError("value without key, but schema does not define a default key\n")
        value = part
    elif not key or not value:
        raise FormatError("missing key in comma-separated list property\n")
    if key in found:
        raise FormatError(f"duplicate key in comma-separated list property: {key}\n")
    schema = form.get(key, {})
    if alias := schema.get("alias"):
        if key_alias := schema.get("keyAlias"):
            if key_alias in found:
                raise FormatError(f"key alias '{key_alias}' is already defined\n")
            found[key_alias] = key
        key = alias
        schema = form.get(key, {})
    found[key] = _boolean_word(value) if schema.get("type") == "boolean" else value


def _boolean_word(text: str) -> str:
    """Property strings take on, yes, true and their opposites for booleans."""
    if text.lower() in TRUE:
        return "1"
    return "0" if text.lower() in FALSE else text


def _fitted(schema: Mapping[str, Any], value: Any) -> Any:
    """A single value for an array becomes one; several for a list in a string are joined."""
    if schema.get("type") == "array":
        return value if isinstance(value, list | dict) else [value]
    form = schema.get("format")
    if isinstance(value, list) and isinstance(form, str) and form.endswith("-list"):
        return ",".join(str(item) for item in value)
    return value


def _check(path: str, schema: Mapping[str, Any], value: Any, errors: Errors) -> Any:
    """The value in its type; adds an error under `path` when it is refused."""
    kind = schema.get("type", "any")
    if isinstance(value, list) and kind in ("array", "any"):
        items = schema.get("items", {})
        return [_check(f"{path}[{n}]", items, item, errors) for n, item in enumerate(value)]
    if "oneOf" in schema or (kind in ("any", "object") and isinstance(value, dict)):
        return value
    if reason := _type_error(kind, value):
        errors[path] = reason
        return None
    text = _text(value)
    if reason := _format_error(schema, text, path) or _limit_error(schema, text):
        errors[path] = reason
        return None
    return _converted(kind, text)


def _type_error(kind: str, value: Any) -> str | None:
    failed = f"type check ('{kind}') failed"
    if kind in ("array", "object"):
        return failed
    if kind == "boolean" and isinstance(value, bool):
        return None
    if isinstance(value, bool | list | dict):
        perl = {bool: "JSON::PP::Boolean", list: "ARRAY", dict: "HASH"}[type(value)]
        return f"{failed} - got {perl}"
    text = _text(value)
    fits = {
        "boolean": text in ("0", "1"),
        "integer": INTEGER.fullmatch(text),
        "number": NUMBER.fullmatch(text),
    }.get(kind, True)
    return None if fits else f"{failed} - got '{text}'"


def _format_error(schema: Mapping[str, Any], text: str, path: str) -> str | None:
    form = schema.get("format")
    if isinstance(form, str) and form not in PROPERTIES:
        reason = refusal(form, text)
        return None if reason is None else f"invalid format - {reason}\n"
    if form:
        try:
            found = parse_property_string(
                PROPERTIES[form] if isinstance(form, str) else form, text, path
            )
        except FormatError as error:
            return f"invalid format - {error}"
        reason = unknown_cpu(found) if form == "pve-vm-cpu-conf" else None
        return f"invalid format - {reason}\n" if reason else None
    return None


def _limit_error(schema: Mapping[str, Any], text: str) -> str | None:
    """The first limit that the value breaks, in the order of the checks of the server."""
    return _length_error(schema, text) or _range_error(schema, text) or _enum_error(schema, text)


def _length_error(schema: Mapping[str, Any], text: str) -> str | None:
    pattern, longest, shortest = (schema.get(k) for k in ("pattern", "maxLength", "minLength"))
    if pattern is not None and not compiled(pattern).search(text):
        return "value does not match the regex pattern"
    if longest is not None and len(text) > int(longest):
        return f"value may only be {longest} characters long"
    if shortest is not None and len(text) < int(shortest):
        return f"value must be at least {shortest} characters long"
    return None


def _range_error(schema: Mapping[str, Any], text: str) -> str | None:
    if not NUMBER.fullmatch(text):
        return None
    highest, lowest = schema.get("maximum"), schema.get("minimum")
    if highest is not None and float(text) > float(highest):
        return f"value must have a maximum value of {highest}"
    if lowest is not None and float(text) < float(lowest):
        return f"value must have a minimum value of {lowest}"
    return None


def _enum_error(schema: Mapping[str, Any], text: str) -> str | None:
    known = [str(value) for value in schema.get("enum") or ()]
    if not known or text in known:
        return None
    return f"value '{text}' does not have a value in the enumeration '{', '.join(known)}'"


@lru_cache(maxsize=512)
def compiled(pattern: str) -> re.Pattern[str]:
    """A Perl pattern of the schema; `(?^i:` resets the flags there, Python has no need to."""
    return re.compile("^" + re.sub(r"\(\?\^([a-z]*):", _flags, pattern) + "$")


def _flags(match: re.Match[str]) -> str:
    return "(?i:" if "i" in match[1] else "(?:"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value)


def _converted(kind: str, text: str) -> Any:
    if kind in ("integer", "boolean"):
        return int(text)
    return float(text) if kind == "number" else text
