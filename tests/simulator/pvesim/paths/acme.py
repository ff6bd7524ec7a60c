# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ACME accounts and plugins of the cluster (`PVE/API2/ACMEAccount.pm`, `ACMEPlugin.pm`).

Nobody is asked: every registration succeeds. No text was seen on a real cluster.
"""

from __future__ import annotations

import hashlib
from typing import Any

from pvesim.calls import Call, CallError, call, parameter_error
from pvesim.cfs import changing, check_file_digest, file_digest
from pvesim.formats import split_list
from pvesim.worker import Died, Worker
from pvesim.world import World

DIRECTORY = "https://acme-v02.api.letsencrypt.org/directory"
TOS = "https://letsencrypt.org/documents/LE-SA-v1.5-February-24-2025.pdf"
FILES = "/etc/pve/priv/acme"


def _contacts(call: Call) -> list[str]:
    return [f"mailto:{address}" for address in split_list(str(call.params.get("contact", "")))]


@call("GET", "/cluster/acme/account")
async def accounts(world: World, _call: Call) -> list[dict[str, str]]:
    """The accounts by name."""
    return [{"name": name} for name in sorted(world.acme_accounts)]


@call("GET", "/cluster/acme/account/{name}")
async def account(world: World, call: Call) -> dict[str, Any]:
    """One account as the directory knows it."""
    return dict(_known(world, str(call.params["name"])))


def _known(world: World, name: str) -> dict[str, Any]:
    if name not in world.acme_accounts:
        raise parameter_error(name=f"ACME account config file '{name}' does not exist.")
    return world.acme_accounts[name]


@call("POST", "/cluster/acme/account")
async def register(world: World, call: Call) -> str:
    """A new account; without agreeing to its terms there is none."""
    name = str(call.params.get("name", "default"))
    if name in world.acme_accounts:
        raise parameter_error(name=f"ACME account config file '{name}' already exists.")
    directory = str(call.params.get("directory", DIRECTORY))

    async def work(worker: Worker) -> None:
        if name in world.acme_accounts:
            raise Died(f"ACME account config file '{name}' already exists.")
        worker.log("Generating ACME account key..")
        await worker.work(0.5)
        worker.log("Registering ACME account..")
        await worker.work(0.5)
        host = directory.split("/")[2] if directory.count("/") > 1 else directory
        number = int(hashlib.sha256(f"{name} {worker.task.upid}".encode()).hexdigest()[:7], 16)
        location = f"https://{host}/acme/acct/{number}"
        made = {"status": "valid", "contact": _contacts(call)}
        entry = {"account": made, "directory": directory, "location": location}
        entry |= {"tos": call.params["tos_url"]} if call.params.get("tos_url") else {}
        world.acme_accounts[name] = entry
        worker.log(f"Registration successful, account URL: '{location}'")

    return world.tasks.start(call.node, call.caller.authid, "acmeregister", "", work)


@call("PUT", "/cluster/acme/account/{name}")
async def update(world: World, call: Call) -> str:
    """Other contacts; without any the account is only read again."""
    name, contacts = str(call.params["name"]), _contacts(call)
    _known(world, name)

    async def work(worker: Worker) -> None:
        await worker.work()
        if contacts:
            _known(world, name)["account"]["contact"] = contacts

    kind = "acmeupdate" if contacts else "acmerefresh"
    return world.tasks.start(call.node, call.caller.authid, kind, "", work)


@call("DELETE", "/cluster/acme/account/{name}")
async def deactivate(world: World, call: Call) -> str:
    """Deactivate an account, whose file gets another name."""
    name = str(call.params["name"])
    _known(world, name)

    async def work(worker: Worker) -> None:
        await worker.work()
        _known(world, name)
        new = next(n for n in range(101) if f"_deactivated_{name}_{n}" not in world.acme_accounts)
        gone = f"_deactivated_{name}_{new}"
        worker.log(f"Renaming account file from '{FILES}/{name}' to '{FILES}/{gone}'")
        del world.acme_accounts[name]

    return world.tasks.start(call.node, call.caller.authid, "acmedeactivate", "", work)


@call("GET", "/cluster/acme/tos")
async def terms(_world: World, _call: Call) -> str:
    """The terms of service."""
    return TOS


@call("GET", "/cluster/acme/meta")
async def meta(_world: World, _call: Call) -> dict[str, Any]:
    """The description of a directory."""
    return {"termsOfService": TOS, "website": "https://letsencrypt.org"}


def _plugins(world: World) -> dict[str, dict[str, Any]]:
    return {"standalone": {"type": "standalone"}, **world.acme_plugins}


@call("GET", "/cluster/acme/plugins")
async def plugins(world: World, call: Call) -> list[dict[str, Any]]:
    """How it can be proven that a domain is ours, beside the web server of the node itself."""
    wanted, digest = call.params.get("type"), file_digest(world.acme_plugins)
    return [
        {"plugin": name, **plugin, "digest": digest}
        for name, plugin in world.acme_plugins.items()
        if wanted in (None, plugin["type"])
    ]


@call("GET", "/cluster/acme/plugins/{id}")
async def plugin(world: World, call: Call) -> dict[str, Any]:
    """One of them."""
    name = str(call.params["id"])
    if name not in _plugins(world):
        raise CallError(500, f"ACME plugin '{name}' not defined")
    return {"plugin": name, **_plugins(world)[name], "digest": file_digest(world.acme_plugins)}


@call("POST", "/cluster/acme/plugins")
async def add_plugin(world: World, call: Call) -> None:
    """A way by DNS."""
    name = str(call.params["id"])
    async with changing(world, "priv_acme_plugins_cfg"):
        if name in _plugins(world):
            raise CallError(500, f"ACME plugin ID '{name}' already exists")
        world.acme_plugins[name] = {k: v for k, v in call.params.items() if k != "id"}


@call("PUT", "/cluster/acme/plugins/{id}")
async def change_plugin(world: World, call: Call) -> None:
    """Other settings."""
    name = str(call.params["id"])
    async with changing(world, "priv_acme_plugins_cfg"):
        if name not in world.acme_plugins:
            raise CallError(500, f"ACME plugin '{name}' not defined")
        check_file_digest(call.params.get("digest"), file_digest(world.acme_plugins))
        for key in split_list(str(call.params.get("delete", ""))):
            world.acme_plugins[name].pop(key, None)
        own = ("id", "digest", "delete")
        given = {key: value for key, value in call.params.items() if key not in own}
        world.acme_plugins[name] |= given


@call("DELETE", "/cluster/acme/plugins/{id}")
async def remove_plugin(world: World, call: Call) -> None:
    """Forget a way."""
    async with changing(world, "priv_acme_plugins_cfg"):
        world.acme_plugins.pop(str(call.params["id"]), None)
