# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of nodes and of the datacenter, and what a node is and can do."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from typing import Any

from pvesim.calls import Call, CallError, call, parameter_error
from pvesim.cfs import changing, check_file_digest, file_digest
from pvesim.formats import split_list
from pvesim.guests import check_allowed
from pvesim.world import World

from .network_config import interfaces

CPU_MODELS = {
    "default": ("host", "kvm64", "qemu64", "x86-64-v2", "x86-64-v2-AES", "x86-64-v3", "x86-64-v4"),
    "AuthenticAMD": ("EPYC", "EPYC-Rome"),
    "GenuineIntel": ("Broadwell-IBRS", "Skylake-Client-v4"),
}
"""Some of the models, by vendor."""
MACHINES = (("i440fx", "10.0+pve1"), ("q35", "10.0+pve1"), ("i440fx", "10.0"), ("q35", "10.0"))
CHANGES = {
    "10.0+pve1": "Set host_mtu vNIC option even with default value for migration compat.",
}
"""What a version of Proxmox VE's own is there for."""
DEVICES = ((0x1045, 0xFFFF00), (0x1042, 0x018000), (0x1041, 0x020000))
"""The virtual devices of a node: a balloon, a disk and a network card, by device and class."""
FLAGS = {
    "aes": "Activate AES instruction set for HW acceleration.",
    "nested-virt": (
        "Controls nested virtualization, namely 'svm' for AMD CPUs and 'vmx' for Intel CPUs. Live "
        "migration still only works if it's the same flag on both sides. Use a CPU model similar "
        "to the host, with the same vendor, not x86-64-vX!"
    ),
    "pdpe1gb": "Allow guest OS to use 1GB size pages, if host HW supports it.",
}
PATIENCE = 10.0
SHUTDOWN_SECONDS, BOOT_SECONDS = 5.0, 60.0
"""How long a node takes; divided by the speed, as the start of a guest is."""


@call("GET", "/nodes/{node}/config")
async def config(world: World, call: Call) -> dict[str, Any]:
    """The options of a node that were set, or one of them."""
    options = world.nodes[call.node].config
    if wanted := call.params.get("property"):
        options = {key: value for key, value in options.items() if key == wanted}
    return options | ({"digest": file_digest(options)} if options else {})


@call("PUT", "/nodes/{node}/config")
async def change_config(world: World, call: Call) -> None:
    """Set options of a node, or remove them."""
    node = world.nodes[call.node]
    async with changing(world, f"{call.node}_config"):
        check_file_digest(call.params.get("digest"), file_digest(node.config))
        for key in split_list(call.params.get("delete", "")):
            node.config.pop(key, None)
        own = ("node", "digest", "delete")
        node.config |= {key: value for key, value in call.params.items() if key not in own}
        node.acme = str(node.config.get("acme", node.acme))


@call("PUT", "/cluster/options")
async def change_options(world: World, call: Call) -> None:
    """Set options of the datacenter, or take them back to their defaults."""
    async with changing(world, "datacenter_cfg"):
        for key in split_list(call.params.get("delete", "")):
            world.options.pop(key, None)
        world.options |= {key: value for key, value in call.params.items() if key != "delete"}


@call("GET", "/nodes/{node}/network/{iface}")
async def interface(world: World, call: Call) -> dict[str, Any]:
    """One network interface."""
    for entry in interfaces(world.nodes[call.node]):
        if entry["iface"] == call.params["iface"]:
            return {key: value for key, value in entry.items() if key != "iface"}
    raise parameter_error(iface="interface does not exist")


@call("POST", "/nodes/{node}/status")
async def power(world: World, call: Call) -> None:
    """Shut a node down or restart it: its guests end, and it is away until it is turned on."""
    check_allowed(call, f"/nodes/{call.node}", "Sys.PowerMgmt")

    name = call.node

    async def end() -> None:
        world.node_down(name)
        await world.node_changed(name)
        if call.params["command"] == "reboot":
            world.tasks.later(BOOT_SECONDS / world.clock.speed, begin)

    async def begin() -> None:
        world.node_up(name)
        await world.node_changed(name)

    world.tasks.later(SHUTDOWN_SECONDS / world.clock.speed, end)


@call("GET", "/nodes/{node}/query-url-metadata")
async def query_url(_world: World, call: Call) -> dict[str, Any]:
    """What a server reports about a file: name, size and type; a real request."""
    return await asyncio.to_thread(_head, str(call.params["url"]))


def _head(url: str) -> dict[str, Any]:
    asked = urllib.request.Request(url, method="HEAD")
    try:
        with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
            headers, final = answer.headers, answer.url
    except urllib.error.HTTPError as error:
        text = f"invalid server response: '{error.code} {error.reason}'"
        raise CallError(500, text) from error
    except (urllib.error.URLError, OSError) as error:
        target = urllib.request.Request(url).host
        reason = getattr(getattr(error, "reason", error), "strerror", None) or str(error)
        text = f"invalid server response: '500 Can't connect to {target} ({reason})'"
        raise CallError(500, text) from error
    found: dict[str, Any] = {"mimetype": headers.get_content_type()}
    found |= {"filename": name} if (name := final.rpartition("/")[2]) else {}
    found |= {"size": int(size)} if (size := headers.get("Content-Length")) else {}
    return found


@call("GET", "/nodes/{node}/capabilities/qemu/cpu")
async def cpu_models(_world: World, _call: Call) -> list[dict[str, Any]]:
    """Some of the CPU models."""
    return [
        {"custom": 0, "name": name, "vendor": vendor}
        for vendor, names in CPU_MODELS.items()
        for name in names
    ]


@call("GET", "/nodes/{node}/capabilities/qemu/cpu-flags")
async def cpu_flags(world: World, _call: Call) -> list[dict[str, Any]]:
    """Some of the flags, which all nodes know."""
    nodes = [node.name for node in world.members()]
    return [
        {"name": name, "description": text, "supported-on": nodes} for name, text in FLAGS.items()
    ]


@call("GET", "/nodes/{node}/capabilities/qemu/machines")
async def machines(_world: World, _call: Call) -> list[dict[str, str]]:
    """The newest machine versions."""
    return [
        {"id": f"pc-{kind}-{version}", "type": kind, "version": version}
        | ({"changes": CHANGES[version]} if version in CHANGES else {})
        for kind, version in MACHINES
    ]


@call("GET", "/nodes/{node}/capabilities/qemu/migration")
async def migration(_world: World, _call: Call) -> dict[str, bool]:
    """Whether connections of the guest can be moved along."""
    return {"has-dbus-vmstate": True}


@call("GET", "/nodes/{node}/hardware")
async def hardware(_world: World, _call: Call) -> list[dict[str, str]]:
    """The kinds of hardware that can be listed."""
    return [{"type": "pci"}, {"type": "usb"}]


@call("GET", "/nodes/{node}/hardware/pci")
async def pci(_world: World, _call: Call) -> list[dict[str, Any]]:
    """The PCI devices, which are virtual ones in no IOMMU group."""
    return [
        {
            "class": f"0x{kind:06x}",
            "device": f"0x{device:04x}",
            "id": f"0000:00:{slot:02x}.0",
            "iommugroup": -1,
            "subsystem_device": f"0x{device:04x}",
            "subsystem_vendor": "0x1af4",
            "vendor": "0x1af4",
        }
        for slot, (device, kind) in enumerate(DEVICES, start=1)
    ]


@call("GET", "/nodes/{node}/hardware/usb")
async def usb(_world: World, _call: Call) -> list[dict[str, Any]]:
    """No USB device is plugged in."""
    return []
