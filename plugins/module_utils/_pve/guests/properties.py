# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Property strings such as ``virtio=BC:24:11:00:00:01,bridge=vmbr0,tag=20``.

A request is the whole string: properties that it leaves out are removed, except those that the
server fills in (a MAC address, a volume, its size, a UUID), which are kept
(``PVE::JSONSchema::parse_property_string``).
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field
from functools import cache

from ..api import schema
from ..api.errors import UsageError

_MAC = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}\Z")
_TRUE, _FALSE = ("1", "on", "yes", "true"), ("0", "off", "no", "false")
# Formats of values that the server fills in where a request leaves them out, and then keeps.
_FILLED_FORMATS = ("mac-addr", "disk-size")
# The volume is made once and for all with these properties: what a later request leaves out stays.
_OF_THE_VOLUME = ("efidisk0", "tpmstate0")


@dataclass(frozen=True)
class Format:
    """What makes two strings of an option the same.

    ``default`` is the key of a bare value, ``aliases`` maps another name of a key to it, ``models``
    are the keys whose name is the value of another key, ``switches`` are on or off, ``left_out`` is
    what a key is when nothing is said, ``filled`` are keys that the server fills in by itself, and
    ``volume`` is the key of a volume.
    """

    default: str | None = None
    aliases: t.Mapping[str, str] = field(default_factory=dict)
    models: t.Mapping[str, tuple[str, str]] = field(default_factory=dict)
    switches: t.Sequence[str] = ()
    left_out: t.Mapping[str, str] = field(default_factory=dict)
    filled: t.Sequence[str] = ()
    volume: str | None = None

    @classmethod
    def of(cls, option: str, keys: t.Mapping[str, schema.Definition]) -> Format:
        """The format of an option whose string has these keys."""
        plain = {name: key for name, key in keys.items() if "alias" not in key}
        default = next((name for name, key in plain.items() if key.get("default_key")), None)
        is_volume = default == "volume" or "volume" in str(
            plain.get(default or "", {}).get("format")
        )
        return cls(
            default=default,
            aliases={
                name: key["alias"]
                for name, key in keys.items()
                if "alias" in key and "keyAlias" not in key
            },
            models={
                name: (key["keyAlias"], key["alias"])
                for name, key in keys.items()
                if "keyAlias" in key
            },
            switches=[name for name, key in plain.items() if key.get("type") == "boolean"],
            left_out={
                name: str(key["default"])
                for name, key in plain.items()
                if "default" in key and not key.get("default_key")
            },
            filled=[name for name, key in plain.items() if _is_filled(option, name, key)],
            volume=default if is_volume else None,
        )

    def parse(self, text: str) -> dict[str, str]:
        """The properties by their own keys, switches as 0 and 1."""
        found: dict[str, str] = {}
        for name, value in pairs(text):
            key, given = (self.default or "", name) if value is None else (name, value)
            if key in self.models:
                model, address = self.models[key]
                found[model] = key
                key = address
            key = self.aliases.get(key, key)
            found[key] = self._value(key, given)
        return found

    def _value(self, key: str, value: str) -> str:
        if key in self.switches and switch(value) is not None:
            return "1" if switch(value) else "0"
        return value.upper() if _MAC.match(value) else value

    def may_stand_alone(self, name: str) -> bool:
        """Whether a key may have no value, as ``virtio`` in ``net0``."""
        return name in self.models

    def effective(self, properties: t.Mapping[str, str]) -> dict[str, str]:
        """The properties without those that only state a default."""
        return {key: one for key, one in properties.items() if self.left_out.get(key) != one}


def pairs(text: str) -> t.Iterator[tuple[str, str | None]]:
    """The keys and values of a property string; a bare value is a key without a value."""
    for part in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        yield key, value if equals else None


@cache
def format_of(option: str, guest_type: str) -> Format | None:
    """The format of an option of a VM or a container; None if it has no properties."""
    known = schema.parameters("PUT", f"/nodes/{{node}}/{guest_type}/{{vmid}}/config")
    found = known.get(option) or known.get(schema.family(option), {})
    keys = schema.FORMATS.get(found.get("format", ""))
    return None if keys is None else Format.of(option, keys)


def _is_filled(option: str, name: str, key: schema.Definition) -> bool:
    if option in _OF_THE_VOLUME:
        return name not in ("file", "volume")
    return (
        key.get("format") in _FILLED_FORMATS
        or key.get("enum") == ["veth"]
        or (option, name) == ("smbios1", "uuid")
    )


def switch(text: str) -> bool | None:
    """A boolean as Proxmox VE parses it; None for anything else."""
    if text.lower() in _TRUE:
        return True
    return False if text.lower() in _FALSE else None


def same(form: Format, have: str, want: str) -> bool:
    """Whether the existing string is as requested."""
    current, wanted = form.parse(have), form.parse(want)
    kept = {key: current[key] for key in form.filled if key in current and key not in wanted}
    return form.effective(current) == form.effective({**kept, **wanted})


def with_filled(form: Format, have: str, want: str) -> str:
    """The requested string with what the server had filled in, which a change would otherwise lose.

    The size of a volume that is replaced is not that of the new one.
    """
    current, wanted = form.parse(have), form.parse(want)
    if form.volume and current.get(form.volume) != wanted.get(form.volume):
        return want
    kept = [f"{key}={current[key]}" for key in form.filled if key in current and key not in wanted]
    return ",".join([want, *kept])


def as_text(option: str, value: t.Mapping[str, t.Any], guest_type: str) -> str:
    """A dictionary as a property string; keys without a value if that is allowed.

    Proxmox VE separates the items of a list inside a property string by ``;``.
    """
    form = format_of(option, guest_type)
    parts = []
    for name, one in value.items():
        if one is None or one == "":
            if form is not None and not form.may_stand_alone(str(name)):
                raise UsageError(f"params: {option}: {name} has no value")
            parts.append(str(name))
        else:
            parts.append(f"{name}={_property(option, str(name), one)}")
    return ",".join(parts)


def _property(option: str, name: str, value: t.Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, (list, tuple)) and not any(_is_nested(one) for one in value):
        return ";".join(_property(option, name, one) for one in value)
    if _is_nested(value):
        raise UsageError(f"params: {option}: {name} is neither text, a number, nor a list of these")
    return str(value)


def _is_nested(value: t.Any) -> bool:
    return value is None or isinstance(value, (list, tuple, t.Mapping))
