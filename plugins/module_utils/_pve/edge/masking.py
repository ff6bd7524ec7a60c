# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The secrets in a module's options that no ``no_log`` covers.

They are in parameters of the API, in misspelled options, and where a user put them by mistake: in
the id of a token, the address of a host, or the text of a guest. At ``-v`` Ansible shows all
options three times, whether or not the module accepts them.
"""

from __future__ import annotations

import re
import typing as t

from ..api.option_texts import suspects
from ..guests.config import SECRETS
from .printable import printable

if t.TYPE_CHECKING:
    from .arguments import Spec

# In a text that should have been a dictionary. No name of a guest contains what follows the word.
_ASSIGNED = re.compile(r"(?:password|secret|token)\\*['\"]?\s*(?:[:=,]|\s\S)", re.IGNORECASE)
# Names of unknown options that were probably meant to be secrets.
_SECRETIVE = re.compile(r"pas|pw|secret|token|otp|key|cred", re.IGNORECASE)


def secrets_of(params: t.Mapping[str, t.Any], spec: Spec) -> set[str]:
    """Every secret in these options, raw and as shown in messages.

    ``spec`` is the argument spec of the module. Options with ``no_log`` are included: if Ansible
    fails to parse a list of dictionaries, it shows all options, even these.
    """
    found = {*suspects(params), *_among(params)}
    for name, value in params.items():
        if spec[name].get("no_log") if name in spec else _SECRETIVE.search(name):
            found.update(_texts(value))
    return as_shown(found)


def as_shown(secrets: t.Iterable[str]) -> set[str]:
    """Secrets, and their forms in messages without spaces and control characters."""
    shown: set[str] = set()
    for secret in secrets:
        forms = (secret, secret.strip(), printable(secret), printable(secret.strip()))
        shown.update(form for form in forms if form.strip())
    return shown


def _among(value: t.Any, name: str = "") -> t.Iterator[str]:
    if isinstance(value, t.Mapping):
        for key, one in value.items():
            if key in SECRETS:
                yield from _texts(one)
            else:
                yield from _among(one, str(key))
    elif isinstance(value, (list, tuple)):
        yield from _cut_text(value) if name == "guests" else ()
        for one in value:
            yield from _among(one)
    elif isinstance(value, str) and (name == "params" or _ASSIGNED.search(value)):
        yield value


def _cut_text(items: t.Sequence[t.Any]) -> t.Iterator[str]:
    """A string in place of a list is split at its commas, even within a secret."""
    begun = False
    for item in items:
        begun = begun or (isinstance(item, str) and _ASSIGNED.search(item) is not None)
        if begun and isinstance(item, str):
            yield item


def _texts(value: t.Any) -> t.Iterator[str]:
    if isinstance(value, t.Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _texts(one)
    elif value is not None:
        yield str(value)
