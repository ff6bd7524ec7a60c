# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configuration of a guest: what is in effect, what is pending, what a request would change."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from ..api.answers import read_rows
from ..api.errors import UsageError
from ..api.schema import ARRAYS
from .cluster import split_tags
from .properties import as_text, format_of, same, switch, with_filled
from .volumes import ReplacedVolumeError, met_by, size_in_bytes

if t.TYPE_CHECKING:
    from ..api.client import Api
    from .cluster import Guest

# Secrets that are returned as asterisks, so that they cannot be compared.
SECRETS = ("cipassword", "password")
# Free text, in which a comma or a "yes" has no meaning.
_PROSE = ("description",)
# Options of the call, not of the guest.
_OF_THE_CALL = {"delete", "digest", "force", "skiplock", "revert", "background_delay"}
_LISTS = re.compile(r"[,;\s]+")


@dataclass(frozen=True)
class Configuration:
    """A guest's configuration: ``values`` in effect, and ``pending`` ones until a restart.

    A pending None means that the option will be removed. ``digest`` identifies the state that was
    read.
    """

    values: t.Mapping[str, t.Any] = field(default_factory=dict)
    pending: t.Mapping[str, t.Any] = field(default_factory=dict)
    digest: str | None = None

    @classmethod
    def parse(cls, rows: t.Iterable[t.Mapping[str, t.Any]]) -> Configuration:
        """Read ``GET pending``: rows of ``key``, ``value``, ``pending`` and ``delete``."""
        values: dict[str, t.Any] = {}
        pending: dict[str, t.Any] = {}
        digest = None
        for row in rows:
            key = str(row.get("key"))
            if key == "digest":
                digest = str(row.get("value"))
                continue
            if "value" in row:
                values[key] = row["value"]
            if row.get("delete"):
                pending[key] = None
            elif "pending" in row:
                pending[key] = row["pending"]
        return cls(values, pending, digest)

    def after_restart(self, option: str) -> t.Any:
        """The value that the option will have after a restart; None if unset."""
        return self.pending.get(option, self.values.get(option))

    def disk_size(self, disk: str) -> int | None:
        """The size of a disk in bytes, None if the configuration does not have it."""
        match = re.search(r"(?:\A|,)size=([^,]+)", str(self.values.get(disk) or ""))
        return None if match is None else size_in_bytes(match.group(1))


@dataclass(frozen=True)
class Change:
    """What a request changes: ``params`` to send, and the options that are ``awaited``.

    Awaited options are already set as requested, but take effect only after a restart.
    """

    params: t.Mapping[str, t.Any] = field(default_factory=dict)
    awaited: tuple[str, ...] = ()


async def read_configuration(
    api: Api, guest: Guest, *, retries: int | None = None
) -> Configuration:
    """Read the configuration of a guest in one request, which does not need pvedaemon."""
    path = ("nodes", guest.node, guest.type, guest.vmid, "pending")
    return Configuration.parse(await read_rows(api, path, retries=retries))


def config_params(params: t.Mapping[str, t.Any], guest_type: str) -> dict[str, t.Any]:
    """The parameters in the format of the API.

    Booleans become 0 and 1, tags are joined as Proxmox VE stores them, other lists by commas,
    unless they may be arrays, dictionaries become property strings (``{ip: dhcp}`` is ``ip=dhcp``),
    and SSH keys are URL-encoded as ``PVE::API2::Qemu`` wants them.
    """
    return {
        name: _param(name, value, guest_type) for name, value in params.items() if value is not None
    }


def _param(name: str, value: t.Any, guest_type: str) -> t.Any:
    if name == "sshkeys" and guest_type == "qemu":
        keys = "\n".join([value] if isinstance(value, str) else map(str, value)).strip()
        return keys if re.match(r"[^\s%]+%20", keys) else quote(keys, safe="")
    if name == "tags":
        return ";".join(split_tags(value))
    return plain(value, name, guest_type)


def plain(value: t.Any, name: str, guest_type: str) -> t.Any:
    """A value as a form field: text or number, a list of these where a call may want an array."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, t.Mapping):
        return as_text(name, value, guest_type)
    if isinstance(value, (list, tuple)):
        if any(one is None for one in value):
            raise UsageError(f"params: {name} has an empty item")
        if any(isinstance(one, (list, tuple, t.Mapping)) for one in value):
            raise UsageError(
                f"params: {name} is a list with entries that are neither text nor numbers"
            )
        items = [plain(one, name, guest_type) for one in value]
        return items if name in ARRAYS else ",".join(map(str, items))
    return value


@dataclass(frozen=True)
class Rules:
    """How a request is compared: ``may_replace`` volumes, ``keep_secrets`` that are already set."""

    type: str
    may_replace: bool = False
    keep_secrets: bool = False


def difference(current: Configuration, wanted: t.Mapping[str, t.Any], rules: Rules) -> Change:
    """The part of ``wanted`` (from ``config_params``) that would change the configuration.

    ``delete`` and ``revert`` keep only options that are set or pending. Options of the call itself
    (``digest``, ``force``, ``skiplock``, ...) are kept if anything is left to do. UsageError if a
    request is impossible, or would replace a volume without permission.
    """
    options = {name: value for name, value in wanted.items() if name not in _OF_THE_CALL}
    new = {
        name: _new_value(name, current.after_restart(name), value, rules)
        for name, value in options.items()
    }
    changes = {name: value for name, value in new.items() if value is not None}
    deleted = _names(wanted.get("delete"))
    gone = [name for name in deleted if current.pending.get(name, "") is None]
    lists = {
        "delete": [name for name in deleted if current.after_restart(name) is not None],
        "revert": [name for name in _names(wanted.get("revert")) if name in current.pending],
    }
    changes.update((call, ",".join(names)) for call, names in lists.items() if names)
    if changes:
        further = (_OF_THE_CALL & set(wanted)) - set(lists)
        changes.update((name, wanted[name]) for name in further)
    awaited = [name for name in options if name not in changes and name in current.pending]
    return Change(changes, (*awaited, *gone))


def _names(text: object) -> list[str]:
    return [name for name in _LISTS.split(str(text or "")) if name]


def _new_value(name: str, have: t.Any, want: t.Any, rules: Rules) -> t.Any | None:
    """The value to send, None if the option is already as requested."""
    form = format_of(name, rules.type)
    if form is None or have is None:
        return None if _is_as_wanted(name, have, want, rules) else want
    text = str(want)
    try:
        text = met_by(name, form, str(have), text)
    except ReplacedVolumeError as replaced:
        if not rules.may_replace:
            raise UsageError(f"{replaced}; set allow_destructive to allow this") from None
    return None if same(form, str(have), text) else with_filled(form, str(have), text)


def _is_as_wanted(name: str, have: t.Any, want: t.Any, rules: Rules) -> bool:
    if name == "tags":
        return split_tags(have) == split_tags(want)
    if name in SECRETS:
        return have is not None and rules.keep_secrets
    return have is not None and _same(name, have, want)


def _same(name: str, have: t.Any, want: t.Any) -> bool:
    """Whether a plain value is as requested; each kind of value has its own rule."""
    if name == "sshkeys":
        return unquote(str(have)).split() == unquote(str(want)).split()
    current, wanted = str(have).strip(), str(want).strip()
    if current == wanted or name in _PROSE:
        return current == wanted
    return switch(current) is not None and switch(current) == switch(wanted)
