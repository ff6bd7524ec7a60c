# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the API takes, by its own schema: the parameters of the calls that the collection makes.

``CALLS`` has for each method and path the names of its parameters, and ``PARAMETERS`` what is
known of them; where a name has several meanings, the further ones are ``name#2`` and so on.
``FORMATS`` has the keys of each property string, which a parameter names as its ``format``; the
key ``*`` stands for further ones that are not known here. A definition has the fields of
``PVE::JSONSchema``; a type that is not there is ``string``, ``count`` is how many there are of an
indexed parameter. A default is only there for the keys of property strings.
"""

from __future__ import annotations

import json
import re
import typing as t
from functools import lru_cache

from .schema_text import TEXT

Definition = t.Mapping[str, t.Any]

_DATA = json.loads(TEXT)
FORMATS: t.Mapping[str, t.Mapping[str, Definition]] = _DATA["FORMATS"]
PARAMETERS: t.Mapping[str, Definition] = _DATA["PARAMETERS"]
CALLS: t.Mapping[str, t.Sequence[str]] = _DATA["CALLS"]
ARRAYS = {name.split("#")[0] for name, one in PARAMETERS.items() if one.get("type") == "array"}
"""What is an array for some call; everything else takes a list as one text."""


@lru_cache(maxsize=64)
def parameters(method: str, path: str) -> t.Mapping[str, Definition]:
    """The parameters of a call by their names; ``net[n]`` stands for ``net0``, ``net1`` ..."""
    return {name.split("#")[0]: PARAMETERS[name] for name in CALLS.get(f"{method} {path}", ())}


def family(name: str) -> str:
    """``net[n]`` for ``net3``."""
    return re.sub(r"\d+\Z", "[n]", name)
