# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The secrets in a module's options that the ``no_log`` of no option covers.

They are among parameters of the API, in options that are misspelt, and where somebody put them by
mistake: into the id of a token, the address of a host, or the text of a guest. Ansible shows all
options at ``-v`` three times, whether the module accepts them or not.
"""

from __future__ import annotations

import re
import typing as t

from ..api.connection import suspects
from ..guests.config import SECRETS
from .printable import printable

if t.TYPE_CHECKING:
    from .arguments import Spec

# In a text that should have been a dictionary. No name of a guest has what follows the word.
_ASSIGNED = re.compile(r"(?:password|secret|token)\\*['\"]?\s*(?:[:=,]|\s\S)", re.IGNORECASE)
# What an option that does not exist, but may have been meant to hold one, is called.
_SECRETIVE = re.compile(r"pas|pw|secret|token|otp|key|cred", re.IGNORECASE)


def secrets_of(params: t.Mapping[str, t.Any], spec: Spec) -> set[str]:
    """Every secret in these options, as it is and as it is shown in a message.

    ``spec`` says which options the module has. Those with ``no_log`` are among the secrets: when
    Ansible fails to read a list of dictionaries, it shows all options, and these as well.
    """
    found = {*suspects(params), *_among(params)}
    for name, value in params.items():
        if spec[name].get("no_log") if name in spec else _SECRETIVE.search(name):
            found.update(_texts(value))
    return as_shown(found)


def as_shown(secrets: t.Iterable[str]) -> set[str]:
    """Secrets, and what is left of them where a message shows them without blanks or commands."""
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
    """A text in place of a list is cut at its commas, in the middle of a secret, too."""
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
