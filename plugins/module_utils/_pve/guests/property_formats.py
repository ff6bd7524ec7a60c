# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The property strings of guests, made by tests/tools/property_formats.py: not to be edited.

By type of guest and option: ``default`` is the key of a bare value, ``aliases`` maps another name
of a key to it, ``models`` are the keys whose name is the value of another key, ``switches`` are on
or off, ``left_out`` is what a key is when nothing is said, ``filled`` are keys that the server
fills in by itself, and ``volume`` is the key of a volume.
"""

from __future__ import annotations

API_VERSION = "9.2.11"

FORMATS: dict[str, dict[str, dict[str, object]]] = {
    "lxc": {
        "dev[n]": {"default": "path", "left_out": {"deny-write": "0"}, "switches": ["deny-write"]},
        "features": {
            "left_out": {
                "force_rw_sys": "0",
                "fuse": "0",
                "keyctl": "0",
                "mknod": "0",
                "nesting": "0",
            },
            "switches": ["force_rw_sys", "fuse", "keyctl", "mknod", "nesting"],
        },
        "mp[n]": {
            "default": "volume",
            "filled": ["size"],
            "left_out": {"keepattrs": "0", "replicate": "1", "shared": "0"},
            "switches": ["acl", "backup", "keepattrs", "quota", "replicate", "ro", "shared"],
            "volume": "volume",
        },
        "net[n]": {
            "filled": ["hwaddr", "type"],
            "switches": ["firewall", "host-managed", "link_down"],
        },
        "rootfs": {
            "default": "volume",
            "filled": ["size"],
            "left_out": {"replicate": "1", "shared": "0"},
            "switches": ["acl", "quota", "replicate", "ro", "shared"],
            "volume": "volume",
        },
        "startup": {"default": "order"},
        "unused[n]": {"default": "volume", "volume": "volume"},
    },
    "qemu": {
        "agent": {
            "aliases": {"freeze-fs-on-backup": "freeze-fs", "guest-fsfreeze": "freeze-fs"},
            "default": "enabled",
            "left_out": {"freeze-fs": "1", "fstrim_cloned_disks": "0", "type": "virtio"},
            "switches": ["enabled", "freeze-fs", "fstrim_cloned_disks"],
        },
        "amd-sev": {"default": "type"},
        "audio0": {"left_out": {"driver": "spice"}},
        "boot": {"default": "legacy"},
        "cicustom": {},
        "cpu": {"default": "cputype", "left_out": {"hidden": "0"}, "switches": ["hidden"]},
        "efidisk0": {
            "aliases": {"volume": "file"},
            "default": "file",
            "filled": ["efitype", "format", "import-from", "ms-cert", "pre-enrolled-keys", "size"],
            "left_out": {"efitype": "2m", "ms-cert": "2011", "pre-enrolled-keys": "0"},
            "switches": ["pre-enrolled-keys"],
            "volume": "file",
        },
        "hostpci[n]": {
            "default": "host",
            "left_out": {"legacy-igd": "0", "pcie": "0", "rombar": "1", "x-vga": "0"},
            "switches": ["legacy-igd", "pcie", "rombar", "x-vga"],
        },
        "ide[n]": {
            "aliases": {
                "bps_rd_length": "bps_rd_max_length",
                "bps_wr_length": "bps_wr_max_length",
                "iops_rd_length": "iops_rd_max_length",
                "iops_wr_length": "iops_wr_max_length",
                "volume": "file",
            },
            "default": "file",
            "filled": ["size"],
            "left_out": {"media": "disk", "replicate": "1", "shared": "0"},
            "switches": ["backup", "detect_zeroes", "replicate", "shared", "snapshot", "ssd"],
            "volume": "file",
        },
        "intel-tdx": {"default": "type"},
        "ipconfig[n]": {},
        "ivshmem": {},
        "machine": {"default": "type", "switches": ["enable-s3", "enable-s4"]},
        "memory": {"default": "current"},
        "net[n]": {
            "default": "model",
            "filled": ["macaddr"],
            "models": {
                "e1000": ("model", "macaddr"),
                "e1000-82540em": ("model", "macaddr"),
                "e1000-82544gc": ("model", "macaddr"),
                "e1000-82545em": ("model", "macaddr"),
                "e1000e": ("model", "macaddr"),
                "i82551": ("model", "macaddr"),
                "i82557b": ("model", "macaddr"),
                "i82559er": ("model", "macaddr"),
                "ne2k_isa": ("model", "macaddr"),
                "ne2k_pci": ("model", "macaddr"),
                "pcnet": ("model", "macaddr"),
                "rtl8139": ("model", "macaddr"),
                "virtio": ("model", "macaddr"),
                "vmxnet3": ("model", "macaddr"),
            },
            "switches": ["firewall", "host-tunnel", "link_down"],
        },
        "numa[n]": {},
        "rng0": {"default": "source"},
        "sata[n]": {
            "aliases": {
                "bps_rd_length": "bps_rd_max_length",
                "bps_wr_length": "bps_wr_max_length",
                "iops_rd_length": "iops_rd_max_length",
                "iops_wr_length": "iops_wr_max_length",
                "volume": "file",
            },
            "default": "file",
            "filled": ["size"],
            "left_out": {"media": "disk", "replicate": "1", "shared": "0"},
            "switches": ["backup", "detect_zeroes", "replicate", "shared", "snapshot", "ssd"],
            "volume": "file",
        },
        "scsi[n]": {
            "aliases": {
                "bps_rd_length": "bps_rd_max_length",
                "bps_wr_length": "bps_wr_max_length",
                "iops_rd_length": "iops_rd_max_length",
                "iops_wr_length": "iops_wr_max_length",
                "volume": "file",
            },
            "default": "file",
            "filled": ["size"],
            "left_out": {"media": "disk", "replicate": "1", "scsiblock": "0", "shared": "0"},
            "switches": [
                "backup",
                "detect_zeroes",
                "iothread",
                "replicate",
                "ro",
                "scsiblock",
                "shared",
                "snapshot",
                "ssd",
            ],
            "volume": "file",
        },
        "smbios1": {"filled": ["uuid"], "switches": ["base64"]},
        "spice_enhancements": {
            "left_out": {"foldersharing": "0", "videostreaming": "off"},
            "switches": ["foldersharing"],
        },
        "startup": {"default": "order"},
        "tpmstate0": {
            "aliases": {"volume": "file"},
            "default": "file",
            "filled": ["format", "import-from", "size", "version"],
            "left_out": {"version": "v1.2"},
            "volume": "file",
        },
        "unused[n]": {"aliases": {"volume": "file"}, "default": "file", "volume": "file"},
        "usb[n]": {"default": "host", "left_out": {"usb3": "0"}, "switches": ["usb3"]},
        "vga": {"default": "type"},
        "virtio[n]": {
            "aliases": {
                "bps_rd_length": "bps_rd_max_length",
                "bps_wr_length": "bps_wr_max_length",
                "iops_rd_length": "iops_rd_max_length",
                "iops_wr_length": "iops_wr_max_length",
                "volume": "file",
            },
            "default": "file",
            "filled": ["size"],
            "left_out": {"media": "disk", "replicate": "1", "shared": "0"},
            "switches": [
                "backup",
                "detect_zeroes",
                "iothread",
                "replicate",
                "ro",
                "shared",
                "snapshot",
            ],
            "volume": "file",
        },
        "virtiofs[n]": {
            "default": "dirid",
            "left_out": {"cache": "auto", "direct-io": "0", "expose-acl": "0", "expose-xattr": "0"},
            "switches": ["direct-io", "expose-acl", "expose-xattr"],
        },
        "watchdog": {"default": "model"},
    },
}
