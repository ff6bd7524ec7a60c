# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that several modules share: a constant for each documentation fragment of its name.

``CONNECTION_SPEC`` belongs to ``plugins/doc_fragments/connection.py``, ``WAIT_SPEC`` to
``wait.py``, and so on. ``START_SPEC`` has the options of ``wait.py`` in it, and both have that of
``progress.py``.
"""

from __future__ import annotations

import typing as t

from ansible.module_utils.common.parameters import env_fallback

from ..api.errors import UsageError

Spec = dict[str, dict[str, t.Any]]


def _env(name: str, **option: t.Any) -> dict[str, t.Any]:
    """An option that is read from an environment variable if it is not set."""
    return {**option, "fallback": (env_fallback, [name])}


CONNECTION_SPEC: Spec = {
    "api_host": _env("PROXMOX_HOST", type="list", elements="str"),
    "api_port": _env("PROXMOX_PORT", type="int", default=8006),
    "api_path_prefix": _env("PROXMOX_API_PATH_PREFIX", type="str"),
    "api_user": _env("PROXMOX_USER", type="str", default="root@pam"),
    "api_password": _env("PROXMOX_PASSWORD", type="str", no_log=True),
    "api_otp": _env("PROXMOX_OTP", type="str", no_log=True),
    # The id of a token is not a secret: it is in every UPID of its tasks.
    "api_token_id": _env("PROXMOX_TOKEN_ID", type="str", no_log=False),
    "api_token_secret": _env("PROXMOX_TOKEN_SECRET", type="str", no_log=True),
    "ca_path": _env("PROXMOX_CA_PATH", type="path"),
    "validate_certs": _env("PROXMOX_VALIDATE_CERTS", type="bool", default=True),
    "api_fingerprint": _env("PROXMOX_FINGERPRINT", type="list", elements="str"),
    "api_timeout": _env("PROXMOX_API_TIMEOUT", type="int", default=30),
    "api_retries": _env("PROXMOX_API_RETRIES", type="int", default=5),
}

PROGRESS_SPEC: Spec = {
    "progress": {"type": "str", "choices": ["auto", "on", "off"]},
}

WAIT_SPEC: Spec = {
    **PROGRESS_SPEC,
    "wait_timeout": {"type": "int", "aliases": ["timeout"]},
    "on_timeout": {"type": "str", "choices": ["fail", "continue", "stop"], "default": "fail"},
    "node_timeout": {"type": "int", "default": 600},
    "warnings": {"type": "str", "choices": ["accept", "fail"], "default": "accept"},
    "log_lines": {"type": "int", "default": 20},
    "poll_interval": {"type": "float"},
}

START_SPEC: Spec = {
    **WAIT_SPEC,
    "wait": {"type": "bool", "default": True},
    "parallel": {"type": "int", "default": 16},
    "parallel_per_node": {"type": "int", "default": 8},
    "parallel_per_storage": {"type": "int", "default": 0},
    "start_interval": {"type": "float", "default": 0.0},
    "retries": {"type": "int", "default": 3},
    "replace_leftovers": {"type": "bool", "default": False},
    "validate": {"type": "str", "choices": ["schema", "server"], "default": "schema"},
}

NEW_GUESTS_SPEC: Spec = {
    "placement": {
        "type": "str",
        "choices": ["explicit", "round_robin", "least_memory"],
        "default": "explicit",
    },
    "nodes": {"type": "list", "elements": "str"},
    "on_conflict": {"type": "str", "choices": ["fail", "remove"], "default": "fail"},
    "vmid_range": {"type": "str"},
}

GUEST_FILTERS_SPEC: Spec = {
    "pool": {"type": "str"},
    "tags": {"type": "list", "elements": "str"},
    "nodes": {"type": "list", "elements": "str", "aliases": ["node"]},
    "type": {"type": "str", "choices": ["qemu", "lxc"]},
    "status": {"type": "str", "choices": ["running", "stopped", "unknown"]},
    "name": {"type": "list", "elements": "str"},
}

TASK_FILTERS_SPEC: Spec = {
    "type": {"type": "list", "elements": "str"},
    "vmid": {"type": "int"},
    "user": {"type": "str"},
    "status": {
        "type": "list",
        "elements": "str",
        "choices": ["ok", "warnings", "warning", "failed", "error", "unknown"],
    },
    "since": {"type": "str"},
    "until": {"type": "str"},
    "running": {"type": "bool"},
}

# Minimum and maximum, inclusive. A wait of more than a year is an error, and each simultaneous
# start may occupy a thread.
_BOUNDS: dict[str, tuple[float, float]] = {
    "wait_timeout": (0, 31_536_000),
    "node_timeout": (0, 31_536_000),
    "address_timeout": (0, 31_536_000),
    "poll_interval": (0.1, 3600),
    "log_lines": (0, 100_000),
    "parallel": (1, 256),
    "parallel_per_node": (0, 256),
    "parallel_per_storage": (0, 256),
    "parallel_per_target": (0, 256),
    "parallel_guests": (1, 256),
    "proof_timeout": (0, 31_536_000),
    "settle": (0, 31_536_000),
    "start_interval": (0, 3600),
    "retries": (0, 100),
}


def check_numbers(params: t.Mapping[str, t.Any]) -> None:
    """Refuse invalid numbers: negative, infinite, not a number, far too large."""
    for name, (least, most) in _BOUNDS.items():
        value = params.get(name)
        if value is not None and not least <= value <= most:
            raise UsageError(f"{name}: {value:g} is not from {least:g} to {most:g}")
