# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What migrating VMs and containers shares (`PVE/AbstractMigrate.pm`).

Every line of the log has a time stamp; whatever goes wrong ends as `migration aborted`, with the
reason in the log only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone

from .calls import CallError
from .daemons import NO_ROUTE_DELAY
from .drives import Drive, drives
from .entities import Guest, Storage, Volume
from .guests import as_death, check_lock, check_writable, reload
from .sizes import human_size
from .volumes import FILE_TYPES, disk_name, find_volume, formatting
from .worker import Died, Interrupted, Ordered, Worker
from .world import World

SNAPSHOTS_MOVE = (*FILE_TYPES, "zfspool")
DD_BLOCK = 4096
LEAST_SPENT = 0.001
CLEANUP_SECONDS = 4.0
"""Until the VM that was started on the other node is gone again."""
CONNTRACK = (
    "conntrack state migration not supported or disabled, active connections might get dropped"
)
Phases = Callable[["Migration"], Awaitable[None]]


class Aborted(Exception):
    """The migration cannot go on; the text is the reason."""


class Problems(Exception):
    """It went wrong when the other node had already begun; the text is the reason."""


@dataclass
class Migration:
    """One guest on its way from the node of the worker to another."""

    worker: Worker
    guest: Guest
    target: str
    mapping: Mapping[str, str]
    """Target storage by source storage; the empty key is for all others."""
    restart: bool = False
    """Whether a container that runs may be stopped and started over there."""
    copies: list[tuple[Drive | None, Volume, Volume]] = field(default_factory=list)
    """Disk entry (None for the memory of a snapshot), original and copy of every local volume."""
    missing: list[str] = field(default_factory=list)
    """Volumes that the config names and that are not there."""

    @property
    def world(self) -> World:
        """The cluster."""
        return self.worker.world

    def say(self, text: str) -> None:
        """A line of the log with its time stamp."""
        now = datetime.fromtimestamp(self.worker.now(), tz=timezone.utc)
        self.worker.log(f"{now:%Y-%m-%d %H:%M:%S} {text}")

    def target_storage(self, name: str) -> Storage:
        """Where a volume of a storage goes; raises Aborted when that is not on the target."""
        wanted = self.mapping.get(name) or self.mapping.get("") or name
        storage = self.world.storages.get(wanted)
        if storage is None:
            raise Aborted(f"storage '{wanted}' does not exist")
        if storage.disable or (storage.nodes is not None and self.target not in storage.nodes):
            raise Aborted(f"storage '{wanted}' is not available on node '{self.target}'")
        return storage

    def local_volumes(self) -> list[tuple[Drive, Volume]]:
        """The volumes that have to be copied; raises Aborted for what cannot be."""
        found: list[tuple[Drive, Volume]] = []
        unused = [Drive(key, str(value), {}) for key, value in sorted(self.guest.config.items())
                  if self.guest.type == "lxc" and key.startswith("unused")]  # fmt: skip
        for drive in [*drives(self.guest.type, self.guest.config), *unused]:
            if drive.storage is None:
                continue
            volume = find_volume(self.world, drive.volume, self.guest.node)
            if volume is None and not self.world.storages[drive.storage].shared:
                self.missing.append(drive.volume)
                continue
            if volume is None or volume.node is None:
                self.target_storage(drive.storage)
                if self.guest.type == "lxc":
                    self.say(f"volume '{drive.volume}' is on shared storage '{drive.storage}'")
                continue
            if drive.cdrom and not drive.cloudinit:
                raise Aborted(f"can't migrate local cdrom '{drive.volume}'")
            self._check_movable(volume)
            found.append((drive, volume))
        return found

    def _check_movable(self, volume: Volume) -> None:
        storage = self.world.storages[volume.volid.partition(":")[0]]
        if self.guest.snapshots and storage.type not in SNAPSHOTS_MOVE:
            raise Aborted(
                f"can't migrate local disk '{volume.volid}': non-migratable snapshot exists"
            )
        if any(v.parent == volume.volid for v in storage.volumes):
            raise Aborted(
                f"can't migrate local disk '{volume.volid}': base volume is in use by linked clones"
            )
        self.target_storage(storage.id)

    async def connect(self) -> None:
        """The first thing is a command over SSH, which fails when the node is away."""
        node = self.world.nodes[self.target]
        if node.state == "up":
            return
        await self.worker.sleep(NO_ROUTE_DELAY)
        self.say(
            "# /usr/bin/ssh -e none -o 'BatchMode=yes' -o "
            f"{ssh_keys(self.target)} root@{node.address} /bin/true"
        )
        self.say(f"ssh: connect to host {node.address} port 22: No route to host")
        raise Aborted("Can't connect to destination address using public key")

    def states(self) -> list[Volume]:
        """The local volumes that hold the memory of snapshots."""
        names = [str(s.config["vmstate"]) for s in self.guest.snapshots.values()
                 if "vmstate" in s.config]  # fmt: skip
        found = (find_volume(self.world, name, self.guest.node) for name in names)
        return [volume for volume in found if volume is not None and volume.node is not None]

    async def copy(self, volumes: Sequence[tuple[Drive | None, Volume]], share: float) -> None:
        """Copy local volumes with the lines of dd; the target's config will name the copies."""
        total = sum(volume.size for _drive, volume in volumes) or 1
        for drive, volume in volumes:
            began = self.world.clock.now()
            storage = self.target_storage(volume.volid.partition(":")[0])
            await self.worker.work(share * volume.size / total)
            spent = max(LEAST_SPENT, (self.world.clock.now() - began) * self.world.clock.speed)
            copy = self._copy(volume, storage)
            if storage.type in FILE_TYPES:
                self.say(formatting(storage, copy))
            # Both ends report what they copied, the other one when it has it; the memory of a
            # snapshot was there before either did.
            imported = f"successfully imported '{copy.volid}'"
            _tell_dd(self, volume, spent)
            if drive is not None:
                self.say(imported)
            _tell_dd(self, volume, spent)
            if drive is None:
                self.say(imported)
            self.say(f"volume '{volume.volid}' is '{copy.volid}' on the target")
            self.copies.append((drive, volume, copy))

    def allocate_there(self, volumes: list[tuple[Drive, Volume]]) -> None:
        """The other node makes volumes that the disks of a running VM are mirrored to."""
        for drive, volume in volumes:
            copy = self._copy(volume, self.target_storage(str(drive.storage)))
            self.say(f"volume '{volume.volid}' is '{copy.volid}' on the target")
            self.copies.append((drive, volume, copy))

    def _copy(self, volume: Volume, storage: Storage) -> Volume:
        """The copy on the target, under the same name if that is free there."""
        volid = f"{storage.id}:{volume.volid.partition(':')[2]}"
        if find_volume(self.world, volid, self.target) is not None:
            volid = disk_name(storage, self.guest.vmid, volume.format)
        node = None if storage.shared else self.target
        copy = replace(volume, volid=volid, node=node)
        storage.volumes.append(copy)
        return copy

    def arrive(self) -> None:
        """The config moves to the other node and names the copies; the originals go."""
        for drive, volume, copy in self.copies:
            if drive is not None:
                drive.volume = copy.volid
                self.guest.config[drive.key] = str(drive)
            for snapshot in self.guest.snapshots.values():
                if snapshot.config.get("vmstate") == volume.volid:
                    snapshot.config["vmstate"] = copy.volid
            self.world.storages[volume.volid.partition(":")[0]].volumes.remove(volume)
        self.guest.config.pop("lock", None)
        self.guest.node = self.target

    def give_up(self) -> None:
        """Nothing stays of what was copied."""
        for _drive, _volume, copy in self.copies:
            self.world.storages[copy.volid.partition(":")[0]].volumes.remove(copy)
        self.guest.config.pop("lock", None)


def _tell_dd(migration: Migration, volume: Volume, seconds: float) -> None:
    """What dd prints at the end; both ends copy in blocks of 4 KiB."""
    blocks = -(-volume.size // DD_BLOCK)
    migration.say(f"{blocks}+0 records in")
    migration.say(f"{blocks}+0 records out")
    megabytes = f"{volume.size / 1e6:.0f} MB, {human_size(volume.size)}"
    rate = volume.size / seconds / 1e6
    migration.say(f"{volume.size} bytes ({megabytes}) copied, {seconds:.5g} s, {rate:.1f} MB/s")


def ssh_keys(node: str) -> str:
    """The options of ssh that say whose key a node has (`PVE/SSHInfo.pm`)."""
    return (
        f"'HostKeyAlias={node}' -o 'UserKnownHostsFile=/etc/pve/nodes/{node}/ssh_known_hosts' "
        "-o 'GlobalKnownHostsFile=none'"
    )


def parse_mapping(text: str | None) -> dict[str, str]:
    """`a:b,c:d`, a single storage for all, or 1 for the same names."""
    mapping: dict[str, str] = {}
    for part in str(text or "").split(","):
        source, colon, target = part.strip().partition(":")
        if colon:
            mapping[source] = target
        elif source and source != "1":
            mapping[""] = source
    return mapping


async def migrate(
    migration: Migration, phases: Phases, prepare: Callable[[Migration], None] | None = None
) -> None:
    """The frame of every migration: lock, phases by type of guest, and what is logged at the end.

    `prepare` is done before the log says that the migration starts.
    """
    worker, guest = migration.worker, migration.guest
    address = migration.world.nodes[migration.target].address
    began = migration.world.clock.now()
    async with worker.guest_lock(guest), as_death():
        reload(worker, guest)
        await _begin(migration, began)
        try:
            await migration.connect()
            if prepare is not None:
                prepare(migration)
            migration.say(
                f"starting migration of {guest.label} {guest.vmid} "
                f"to node '{migration.target}' ({address})"
            )
            check_writable(migration.world, worker, guest)
            await phases(migration)
        except (Aborted, Died) as exc:
            migration.give_up()
            if isinstance(exc, Ordered):
                raise
            _tell_abort(migration, exc, began)
            raise Died("migration aborted") from exc
        except Problems as exc:
            await _clean_up(migration, exc, began)
            raise Died("migration problems") from exc
    migration.say(f"migration finished successfully (duration {_since(migration, began)})")


def _tell_abort(migration: Migration, exc: Exception, began: float) -> None:
    """It ended before the other node began."""
    reason = "interrupted by signal" if isinstance(exc, Interrupted) else str(exc)
    migration.say(f"ERROR: {reason}")
    migration.say("aborting phase 1 - cleanup resources")
    migration.say(f"ERROR: migration aborted (duration {_since(migration, began)}): {reason}")


async def _clean_up(migration: Migration, exc: Problems, began: float) -> None:
    """It ended when the other node had begun, which takes back what it did."""
    migration.say(f"ERROR: online migrate failure - {exc}")
    migration.say("aborting phase 2 - cleanup resources")
    migration.say("migrate_cancel")
    await migration.worker.sleep(CLEANUP_SECONDS)
    migration.give_up()
    spent = _since(migration, began)
    migration.say(f"ERROR: migration finished with problems (duration {spent})")


async def _begin(migration: Migration, began: float) -> None:
    """What is refused before anything was prepared: there is nothing to clean up."""
    guest = migration.guest
    try:
        check_lock(guest)
        if guest.type == "lxc" and guest.running and not migration.restart:
            raise CallError(500, "lxc live migration is currently not implemented")
    except CallError as exc:
        reason = exc.message.rstrip("\n")
        migration.say(f"ERROR: migration aborted (duration {_since(migration, began)}): {reason}")
        raise Died("migration aborted") from exc


def _since(migration: Migration, began: float) -> str:
    seconds = int(migration.world.clock.now() - began)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
