# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the API takes the parameters of a call, by its own schema, before anything is sent.

The checks are those of ``PVE/JSONSchema.pm``. What they let pass may still be refused by the
server; what they refuse the server refuses in any case, so what cannot be known here is let pass.
"""

from __future__ import annotations

import difflib
import re
import typing as t
from functools import lru_cache

from ..api import schema
from ..guests.properties import pairs, switch
from .formats import reason_against

if t.TYPE_CHECKING:
    from ..api.calls import Segments

Definitions = t.Mapping[str, schema.Definition]

_INTEGER = re.compile(r"[+-]?\d+")
_NUMBER = re.compile(r"[+-]?(?:\d+\.\d+|\d+\.|\.\d+|\d+)(?:[eE][+-]?\d+)?")
_SECRET = re.compile(r"pass|secret|token|key|endpoint", re.IGNORECASE)
_WITHIN_PATH = re.compile(r"\{([^}]+)\}")
_OTHER_KIND = {"qemu": ("lxc", "containers"), "lxc": ("qemu", "VMs")}
_LONGEST = 60
_MANY = 20


def problems(method: str, path: str, params: t.Mapping[str, t.Any]) -> list[str]:
    """What the API would refuse: ``name: what was given and what is allowed``, empty for nothing.

    ``path`` is the template (``/nodes/{node}/qemu/{vmid}/clone``); what is within it need not be
    among ``params``, whose values are as they are given to the modules or to the API: dictionaries
    are property strings, lists are joined, None is left out. Nothing is known of calls that
    ``schema.CALLS`` does not have.
    """
    known = schema.parameters(method, path)
    given = {str(name): value for name, value in params.items() if value is not None}
    if f"{method} {path}" not in schema.CALLS:
        return []
    found: list[str] = []
    for name, value in given.items():
        definition = _definition(known, name)
        if definition is None:
            found.append(f"{name}: {_unknown(name, known, method, path)}")
        else:
            found += _of_value(name, value, definition, known)
    there = {*given, *_WITHIN_PATH.findall(path)}
    return [*found, *(f"{name}: is {why}" for name, why in _missing(known, there))]


def request_problems(method: str, path: Segments, params: t.Mapping[str, t.Any]) -> list[str]:
    """What the API would refuse of a request, ``path`` being the parts of a real one."""
    for template, parts in _templates(method, len(path)):
        if all(part.startswith("{") or part == one for part, one in zip(parts, path)):
            names = {part[1:-1]: one for part, one in zip(parts, path) if part.startswith("{")}
            return problems(method, template, {**params, **names})
    return []


@lru_cache(maxsize=64)
def _templates(method: str, length: int) -> list[tuple[str, list[str]]]:
    """The paths of as many parts that the schema has for a method, and these."""
    found = [call.split(" ", 1)[1] for call in schema.CALLS if call.startswith(f"{method} ")]
    split = [(template, template.strip("/").split("/")) for template in found]
    return [(template, parts) for template, parts in split if len(parts) == length]


def _definition(known: Definitions, name: str) -> schema.Definition | None:
    """What is known of a parameter; of ``net3`` what is known of ``net[n]``."""
    definition = known.get(name)
    if definition is not None:
        return definition
    match = re.fullmatch(r"(.*?)(0|[1-9]\d*)", name)
    family = known.get(f"{match.group(1)}[n]") if match else None
    if match is None or family is None:
        return None
    return family if int(match.group(2)) < family.get("count", float("inf")) else None


def _missing(known: Definitions, there: t.Collection[str]) -> t.Iterator[tuple[str, str]]:
    """What has to be there and is not, and whether by itself or because something requires it."""
    for name, definition in known.items():
        if name not in there:
            if not (definition.get("optional") or "alias" in definition or name.endswith("[n]")):
                yield name, "required"
            continue
        needed = definition.get("requires")
        if isinstance(needed, str) and needed not in there:
            yield needed, f"required by {name}"


def _of_value(
    name: str, value: t.Any, definition: schema.Definition, known: Definitions
) -> t.Iterator[str]:
    """What is wrong with the value of a parameter."""
    if "oneOf" in definition:
        return
    if definition.get("type") == "array":
        items = value if isinstance(value, (list, tuple)) else [value]
        for index, item in enumerate(items):
            yield from _of_value(f"{name}[{index}]", item, definition.get("items", {}), known)
        return
    text = _text(value)
    keys = schema.FORMATS.get(definition.get("format", ""))
    if keys is not None:
        yield from _of_properties(name, text, keys, known)
        return
    reason = _reason_against(text, definition)
    if reason:
        yield f"{name}: {_shown(name, text)} {reason}"


def _of_properties(name: str, text: str, keys: Definitions, known: Definitions) -> t.Iterator[str]:
    """What is wrong with a property string such as ``virtio,bridge=vmbr0``."""
    default = next((key for key, definition in keys.items() if definition.get("default_key")), None)
    there: set[str] = set()
    for word, value in pairs(text):
        key, one = (default, word) if value is None else (word, value)
        if key is None:
            yield f"{name}: {_shown(name, word)} has no key; the keys are {_keys(keys)}"
            continue
        definition = keys.get(key)
        if definition is None:
            if "*" not in keys:
                yield f"{name}: {key}: {_unknown_key(key, keys, known)}"
            continue
        if "keyAlias" in definition:
            there.add(definition["keyAlias"])
        key = definition.get("alias", key)
        there.add(key)
        yield from _of_property(name, key, one, keys)
    yield from (f"{name}: {key} is {why}" for key, why in _missing(keys, there))


def _of_property(name: str, key: str, value: str, keys: Definitions) -> t.Iterator[str]:
    """What is wrong with one value within a property string, where on and off are words, too."""
    definition = keys.get(key, {})
    on = switch(value) if definition.get("type") == "boolean" else None
    reason = None if on is not None else _reason_against(value, definition)
    if not value:
        yield f"{name}: {key} has no value"
    elif reason:
        shown = _shown(key if _SECRET.search(key) else name, value)
        yield f"{name}: {key}: {shown} {reason}"


def _reason_against(text: str, definition: schema.Definition) -> str | None:
    """Why a single value is refused, in the order of the checks of the server.

    Perl's ``$`` matches before a line feed at the end, which YAML leaves behind easily.
    """
    line = text.removesuffix("\n")
    return (
        _against_type(line, definition.get("type", "string"))
        or reason_against(line, str(definition.get("format") or ""))
        or _against_text(text, definition)
        or _against_range(line, definition)
        or _against_enum(text, [str(one) for one in definition.get("enum", ())])
    )


def _against_type(text: str, kind: str) -> str | None:
    if kind == "integer" and not _INTEGER.fullmatch(text):
        return "is not an integer"
    if kind == "number" and not _NUMBER.fullmatch(text):
        return "is not a number"
    return "is not a boolean" if kind == "boolean" and text not in ("0", "1") else None


def _against_text(text: str, definition: schema.Definition) -> str | None:
    pattern = definition.get("pattern")
    longest, shortest = definition.get("maxLength"), definition.get("minLength")
    if pattern is not None and not _matches(pattern, text):
        return f"does not match the pattern {pattern}"
    if longest is not None and len(text) > int(longest):
        return f"has {len(text)} characters, {longest} are allowed"
    if shortest is not None and len(text) < int(shortest):
        return f"is shorter than {shortest} characters"
    return None


def _matches(pattern: str, text: str) -> bool:
    """Whether a pattern of Perl matches; True where Python cannot read it.

    ``(?^i:`` resets the flags of what is around it, of which there are none here.
    """
    compiled = _compiled(pattern)
    return compiled is None or compiled.search(text) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    python = re.sub(r"\(\?\^(\w*):", lambda flags: f"(?{flags[1]}:", pattern)
    try:
        return re.compile(f"^{python}$")
    except re.error:
        return None


def _against_range(text: str, definition: schema.Definition) -> str | None:
    if not _NUMBER.fullmatch(text):
        return None
    lowest, highest = definition.get("minimum"), definition.get("maximum")
    if lowest is not None and float(text) < float(lowest):
        return f"is less than {lowest}"
    return (
        f"is more than {highest}" if highest is not None and float(text) > float(highest) else None
    )


def _against_enum(text: str, allowed: t.Sequence[str]) -> str | None:
    if not allowed or text in allowed:
        return None
    return f"is none of {_listed(allowed)}{_meant(text, allowed)}"


def _unknown(name: str, known: Definitions, method: str, path: str) -> str:
    """What is said of a name that the call does not have: where it belongs, and the nearest one."""
    stem = schema.family(name)
    family = known.get(stem)
    if family is not None:
        base = stem.replace("[n]", "")
        return f"no such parameter; the last one is {base}{family['count'] - 1}"
    said = "no such parameter"
    owners = [
        owner
        for owner, definition in known.items()
        if name in schema.FORMATS.get(definition.get("format", ""), ())
    ]
    kind = next((part for part in path.split("/") if part in _OTHER_KIND), None)
    if owners:
        return f"{said}; it is a key of {_listed(owners)}"
    if kind is not None:
        other, plural = _OTHER_KIND[kind]
        if _definition(schema.parameters(method, path.replace(kind, other)), name) is not None:
            said += f", only {plural} have it"
    return said + _meant(name, list(known))


def _unknown_key(key: str, keys: Definitions, known: Definitions) -> str:
    """What is said of a key that a property string does not have."""
    if _definition(known, key) is not None:
        return "no such key; it is a separate parameter"
    return f"no such key{_meant(key, list(keys)) or f'; the keys are {_keys(keys)}'}"


def _meant(name: str, known: t.Sequence[str]) -> str:
    """The nearest known name, as a question; upper case, ``_`` and ``-`` are no difference."""
    plain = {_plain(one): one for one in known}
    near = difflib.get_close_matches(_plain(name), plain, n=1)
    return f"; did you mean {plain[near[0]]}?" if near else ""


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")


def _keys(keys: Definitions) -> str:
    """The keys of a property string without their other names."""
    return _listed([name for name, definition in keys.items() if "alias" not in definition])


def _listed(every: t.Sequence[str]) -> str:
    """The names, in the middle of many a gap."""
    shown = every if len(every) <= _MANY else [*every[:3], "...", *every[-2:]]
    return ", ".join(shown)


def _shown(name: str, text: str) -> str:
    """The value for people: cut, and a secret not at all."""
    if _SECRET.search(name):
        return "the value"
    return repr(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...")


def _text(value: t.Any) -> str:
    """The value as it is sent."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, t.Mapping):
        return ",".join(
            str(key) if one is None or one == "" else f"{key}={_property_text(one)}"
            for key, one in value.items()
        )
    if isinstance(value, (list, tuple)):
        return ",".join(_text(one) for one in value)
    return str(value)


def _property_text(value: t.Any) -> str:
    return ";".join(map(_text, value)) if isinstance(value, (list, tuple)) else _text(value)
