#!/usr/bin/python

# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: operation
short_description: Run an operation on guests, nodes, storages or the cluster
description:
  - Runs an operation on any number of VMs and containers, as many at a time as the cluster allows,
    and waits for the tasks.
  - There are operations on nodes, storages and the cluster as well, and any other call of the API
    can be made by its O(path).
  - A guest that is already in the requested state is left alone. If the operation already runs on a
    guest, its task is adopted.
  - For a guest that HA manages, Proxmox VE only files a request. The module then waits until HA has
    carried it out, and returns HA's task as well, if the user or token may see it.
version_added: 0.1.0
author:
  - the upid.proxmox authors (@upid)
options:
  operation:
    description:
      - What to do. Either this or O(method) and O(path) is required.
      - V(list) does nothing and asks no server. It returns all operations with what they are for
        and the parameters that they require.
      - V(start) starts a guest that does not run.
      - V(shutdown) asks the guest to shut down. With the parameter C(forceStop) it is stopped if it
        does not do so in time, which is destructive.
      - V(stop) stops the guest at once, like pulling the plug. Destructive.
      - V(reboot) shuts the guest down and starts it again, in two tasks for a VM. It ends when the
        guest runs again.
      - V(configure) sets configuration options. It compares first, and changes only what differs. A
        property string such as C(net0) is compared as a whole. Properties that it leaves out are
        removed, except those that Proxmox VE fills in (a MAC address, a volume, its size). The
        parameter C(delete) removes options, C(revert) reverts pending changes.
      - In V(configure), V(ceph:64) for a disk means a volume of 64 GiB on the storage C(ceph). It
        is created if the slot is empty. An existing volume of this size on this storage is kept,
        even with C(import-from), which only applies to a new one. Another size is an error, see
        V(resize), and so is another storage. Replacing a volume is destructive, and so is C(delete)
        with C(force) or of an unused disk, which frees the volume.
      - V(resize) grows the disk C(disk) to C(size) such as V(32G), or by C(size) if it begins with
        a plus sign. A disk cannot shrink.
      - V(template) converts the guest to a template, which cannot be undone. Destructive.
      - V(migrate) moves the guest to the node C(target). A running VM needs the parameter
        C(online), a running container C(restart).
      - V(delete) removes the guest and its disks. A guest that does not exist counts as deleted. A
        running one is refused unless O(force_stop) is set, and so are a protected or locked guest,
        a template with linked clones and, without the parameter C(purge), a guest that HA manages
        or that is replicated. Afterwards it is read whether the configuration and its disks are
        gone. Destructive. Without quorum it fails, but may destroy the disks and leave the
        configuration.
      - V(suspend), V(hibernate) and V(resume) do nothing if the guest is already in the requested
        state. For a stopped container it cannot be determined whether it was suspended.
      - V(snapshot) does nothing if the guest already has a snapshot C(snapname),
        V(delete_snapshot) if it has none. V(rollback) fails if it has none, and on ZFS also if
        there is a newer one.
      - V(move_disk) does nothing if C(disk) is already on C(storage), in C(format) if that is
        given. V(detach_disk) keeps the volume as an unused disk. For containers C(disk) is the
        mount point.
      - V(unlock) removes a lock that no running task holds.
      - V(create_vm), V(create_container) and V(restore) create the guest with this VMID on the
        node C(node). If it exists, the first two do nothing, and V(restore) replaces it only with
        C(force), stopped first with O(force_stop). With C(start) it has to run in the end.
      - V(migrate_all) needs C(max-workers), the number of guests to migrate at a time, unless
        C(max_workers) is set in the options of the datacenter; the old name of the parameter is
        C(maxworkers).
      - For one guest from nothing V(create_vm) or V(create_container) is enough, and V(clone) for
        one copy with a VMID of your own. M(upid.proxmox.clone) and M(upid.proxmox.container) create
        any number, choose VMIDs and nodes, know the guests of an earlier run again and remove what
        failed halfway, and M(upid.proxmox.fleet) also starts and configures them, waits for their
        addresses and removes those that are too many.
      - What is made on a node or for the cluster (V(create_lvm), V(ceph_create_pool),
        V(acme_account_register) and others like them) is left alone if it is there. It is the same
        if it has the name and is on the same disks or the same node, and one of the same name
        elsewhere is an error. Other settings are not compared. A removal does nothing if there is
        nothing of that name. To see this needs C(Sys.Audit) on C(/). Without it Proxmox VE refuses
        the call.
      - V(backup) fails if the log does not say that the backup has finished. Other errors in the
        log make it end with warnings.
      - Operations on many guests, such as V(start_all) and V(bulk_start), fail if a guest failed,
        or if they left out one of C(vms), even if Proxmox VE calls the task successful.
      # operations
      - V(start) is for VMs and containers. It needs C(VM.PowerMgmt) on C(/vms/{vmid}).
      - V(shutdown) is for VMs and containers. It needs C(VM.PowerMgmt) on C(/vms/{vmid}).
        Destructive with some values of C(forceStop).
      - V(stop) is for VMs and containers. It needs C(VM.PowerMgmt) on C(/vms/{vmid}). Destructive.
      - V(reboot) is for VMs and containers. It needs C(VM.PowerMgmt) on C(/vms/{vmid}).
      - V(reset) is for VMs. It needs C(VM.PowerMgmt) on C(/vms/{vmid}). Destructive.
      - V(suspend) is for VMs and containers. It needs C(VM.PowerMgmt) on C(/vms/{vmid}).
      - V(hibernate) is for VMs. It needs C(VM.PowerMgmt) on C(/vms/{vmid}), C(VM.Config.Disk) on
        C(/vms/{vmid}) and C(Datastore.AllocateSpace) on C(/storage/{storage}).
      - V(resume) is for VMs and containers. It needs C(VM.PowerMgmt) on C(/vms/{vmid}).
      - V(configure) is for VMs and containers. It needs C(VM.Config.*) on C(/vms/{vmid}).
        Destructive with some values of C(force) or C(delete).
      - V(template) is for VMs and containers. It needs C(VM.Allocate) on C(/vms/{vmid}).
        Destructive.
      - V(unlock) is for VMs. It needs root@pam with a password. Destructive.
      - V(delete) is for VMs and containers. It needs C(VM.Allocate) on C(/vms/{vmid}) and
        C(Datastore.Audit) on C(/storage/{storage}) to check that its disks are gone. Destructive.
      - V(resize) is for VMs and containers and requires C(disk) and C(size). It needs
        C(VM.Config.Disk) on C(/vms/{vmid}) and C(Datastore.AllocateSpace) on C(/storage/{storage}).
      - V(move_disk) is for VMs and containers and requires C(disk) and C(storage). It needs
        C(VM.Config.Disk) on C(/vms/{vmid}) and C(Datastore.AllocateSpace) on C(/storage/{storage}).
      - V(reassign_disk) is for VMs and containers and requires C(disk) and C(target-vmid). It needs
        C(VM.Config.Disk) on C(/vms/{vmid}) and C(VM.Config.Disk) on C(/vms/{target-vmid}).
        Destructive.
      - V(detach_disk) is for VMs and containers and requires C(disk). It needs C(VM.Config.Disk) on
        C(/vms/{vmid}).
      - V(snapshot) is for VMs and containers and requires C(snapname). It needs C(VM.Snapshot) on
        C(/vms/{vmid}).
      - V(rollback) is for VMs and containers and requires C(snapname). It needs
        C(VM.Snapshot.Rollback) on C(/vms/{vmid}). Destructive.
      - V(delete_snapshot) is for VMs and containers and requires C(snapname). It needs
        C(VM.Snapshot) on C(/vms/{vmid}). Destructive.
      - V(backup) is for VMs and containers. It needs C(VM.Backup) on C(/vms/{vmid}) and
        C(Datastore.AllocateSpace) on C(/storage/{storage}). Destructive with some values of
        C(prune-backups).
      - V(migrate) is for VMs and containers and requires C(target). It needs C(VM.Migrate) on
        C(/vms/{vmid}).
      - V(remote_migrate) is for VMs and containers and requires C(target-bridge),
        C(target-endpoint) and C(target-storage). It needs C(VM.Migrate) on C(/vms/{vmid}).
        Destructive with some values of C(delete).
      - V(create_vm) is for VMs. It needs C(VM.Allocate) on C(/vms/{vmid}), C(VM.Config.*) on
        C(/vms/{vmid}), C(Datastore.AllocateSpace) on C(/storage/{storage}) and C(SDN.Use) on
        C(/sdn/zones/localnetwork/{bridge}).
      - V(create_container) is for containers and requires C(ostemplate). It needs C(VM.Allocate) on
        C(/vms/{vmid}), C(VM.Config.*) on C(/vms/{vmid}), C(Datastore.AllocateSpace) on
        C(/storage/{storage}), C(SDN.Use) on C(/sdn/zones/localnetwork/{bridge}) and
        C(Datastore.Audit) on C(/storage/{templates}).
      - V(restore) is for VMs and containers and requires C(archive). It needs C(VM.Allocate) on
        C(/vms/{vmid}), C(Datastore.AllocateSpace) on C(/storage/{storage}),
        C(Datastore.AllocateSpace) on C(/storage/{backups}) and C(VM.Backup) on C(/vms/{saved}).
        Destructive with some values of C(force).
      - V(clone) is for VMs and containers and requires C(newid). It needs C(VM.Clone) on
        C(/vms/{vmid}), C(VM.Allocate) on C(/vms/{newid}), C(Datastore.AllocateSpace) on
        C(/storage/{storage}) and C(SDN.Use) on C(/sdn/zones/localnetwork/{bridge}).
      - V(start_all) is for nodes. It needs C(VM.PowerMgmt) on C(/vms/{vmid}).
      - V(stop_all) is for nodes. It needs C(VM.PowerMgmt) on C(/vms/{vmid}). Destructive.
      - V(suspend_all) is for nodes. It needs C(VM.PowerMgmt) on C(/vms/{vmid}).
      - V(migrate_all) is for nodes and requires C(target). It needs C(VM.Migrate) on
        C(/vms/{vmid}).
      - V(bulk_start) is for the cluster. It needs C(VM.PowerMgmt) on C(/vms/{vmid}).
      - V(bulk_shutdown) is for the cluster. It needs C(VM.PowerMgmt) on C(/vms/{vmid}).
        Destructive.
      - V(bulk_suspend) is for the cluster. It needs C(VM.PowerMgmt) on C(/vms/{vmid}).
      - V(bulk_migrate) is for the cluster and requires C(target). It needs C(VM.Migrate) on
        C(/vms/{vmid}).
      - V(download_url) is for a storage and requires C(content), C(filename) and C(url). It needs
        C(Datastore.AllocateTemplate) on C(/storage/{storage}) and C(Sys.AccessNetwork) on
        C(/nodes/{node}).
      - V(download_template) is for nodes and requires C(storage) and C(template). It needs
        C(Datastore.AllocateTemplate) on C(/storage/{storage}).
      - V(pull_oci_image) is for a storage and requires C(reference). It needs
        C(Datastore.AllocateTemplate) on C(/storage/{storage}) and C(Sys.AccessNetwork) on
        C(/nodes/{node}).
      - V(delete_volume) is for a storage and requires C(volume). It needs C(Datastore.Allocate) on
        C(/storage/{storage}). Destructive.
      - V(copy_volume) is for a storage and requires C(volume) and C(target). It needs root@pam with
        a password.
      - V(prune_backups) is for a storage. It needs C(Datastore.Allocate) on C(/storage/{storage}),
        or C(Datastore.AllocateSpace) there and C(VM.Backup) on C(/vms/{vmid}). Destructive.
      - V(service_start) is for nodes and requires C(service). It needs C(Sys.Modify) on
        C(/nodes/{node}).
      - V(service_stop) is for nodes and requires C(service). It needs C(Sys.Modify) on
        C(/nodes/{node}). Destructive.
      - V(service_restart) is for nodes and requires C(service). It needs C(Sys.Modify) on
        C(/nodes/{node}).
      - V(service_reload) is for nodes and requires C(service). It needs C(Sys.Modify) on
        C(/nodes/{node}).
      - V(apply_network) is for nodes. It needs C(Sys.Modify) on C(/nodes/{node}).
      - V(update_packages) is for nodes. It needs C(Sys.Modify) on C(/nodes/{node}).
      - V(order_certificate) is for nodes. It needs C(Sys.Modify) on C(/nodes/{node}).
      - V(renew_certificate) is for nodes. It needs C(Sys.Modify) on C(/nodes/{node}).
      - V(revoke_certificate) is for nodes. It needs C(Sys.Modify) on C(/nodes/{node}). Destructive.
      - V(initialize_gpt) is for nodes and requires C(disk). It needs C(Sys.Modify) on C(/).
        Destructive.
      - V(wipe_disk) is for nodes and requires C(disk). It needs root@pam with a password.
        Destructive.
      - V(create_directory) is for nodes and requires C(name) and C(device). It needs C(Sys.Modify)
        on C(/). Destructive.
      - V(remove_directory) is for nodes and requires C(name). It needs C(Sys.Modify) on C(/).
        Destructive.
      - V(create_lvm) is for nodes and requires C(name) and C(device). It needs C(Sys.Modify) on
        C(/). Destructive.
      - V(remove_lvm) is for nodes and requires C(name). It needs C(Sys.Modify) on C(/).
        Destructive.
      - V(create_lvm_thin) is for nodes and requires C(name) and C(device). It needs C(Sys.Modify)
        on C(/). Destructive.
      - V(remove_lvm_thin) is for nodes and requires C(name) and C(volume-group). It needs
        C(Sys.Modify) on C(/). Destructive.
      - V(create_zfs) is for nodes and requires C(name), C(devices) and C(raidlevel). It needs
        C(Sys.Modify) on C(/). Destructive.
      - V(remove_zfs) is for nodes and requires C(name). It needs C(Sys.Modify) on C(/).
        Destructive.
      - V(ceph_start) is for nodes. It needs C(Sys.Modify) on C(/).
      - V(ceph_stop) is for nodes. It needs C(Sys.Modify) on C(/). Destructive.
      - V(ceph_restart) is for nodes. It needs C(Sys.Modify) on C(/).
      - V(ceph_restart_osds) is for nodes and requires C(service-type). It needs C(Sys.Modify) on
        C(/).
      - V(ceph_restart_all) is for the cluster and requires C(service-type). It needs C(Sys.Modify)
        on C(/).
      - V(ceph_set_flags) is for the cluster. It needs C(Sys.Modify) on C(/).
      - V(ceph_create_mon) is for nodes and requires C(monid). It needs C(Sys.Modify) on C(/).
      - V(ceph_destroy_mon) is for nodes and requires C(monid). It needs C(Sys.Modify) on C(/).
        Destructive.
      - V(ceph_create_mgr) is for nodes and requires C(id). It needs C(Sys.Modify) on C(/).
      - V(ceph_destroy_mgr) is for nodes and requires C(id). It needs C(Sys.Modify) on C(/).
        Destructive.
      - V(ceph_create_mds) is for nodes and requires C(name). It needs C(Sys.Modify) on C(/).
      - V(ceph_destroy_mds) is for nodes and requires C(name). It needs C(Sys.Modify) on C(/).
        Destructive.
      - V(ceph_create_osd) is for nodes and requires C(dev). It needs root@pam with a password.
        Destructive.
      - V(ceph_destroy_osd) is for nodes and requires C(osdid). It needs root@pam with a password.
        Destructive.
      - V(ceph_create_pool) is for nodes and requires C(name). It needs C(Sys.Modify) on C(/).
      - V(ceph_set_pool) is for nodes and requires C(name). It needs C(Sys.Modify) on C(/).
      - V(ceph_destroy_pool) is for nodes and requires C(name). It needs C(Sys.Modify) on C(/).
        Destructive.
      - V(ceph_create_fs) is for nodes and requires C(name). It needs C(Sys.Modify) on C(/).
      - V(ceph_destroy_fs) is for nodes and requires C(name). It needs C(Sys.Modify) on C(/).
        Destructive.
      - V(sync_realm) is for the cluster and requires C(realm). It needs C(Realm.AllocateUser) on
        C(/access/realm/{realm}) and C(User.Modify) on C(/access/groups). Destructive with some
        values of C(remove-vanished) or C(purge).
      - V(preview_realm_sync) is for the cluster and requires C(realm). It needs
        C(Realm.AllocateUser) on C(/access/realm/{realm}) and C(User.Modify) on C(/access/groups).
      - V(apply_sdn) is for the cluster. It needs C(SDN.Allocate) on C(/sdn).
      - V(acme_account_register) is for the cluster and requires C(contact). It needs root@pam with
        a password.
      - V(acme_account_update) is for the cluster and requires C(name) and C(contact). It needs
        root@pam with a password.
      - V(acme_account_refresh) is for the cluster and requires C(name). It needs root@pam with a
        password.
      - V(acme_account_deactivate) is for the cluster and requires C(name). It needs root@pam with a
        password. Destructive.
      # end of operations
    type: str
    choices:
      # choices
      - list
      - start
      - shutdown
      - stop
      - reboot
      - reset
      - suspend
      - hibernate
      - resume
      - configure
      - template
      - unlock
      - delete
      - resize
      - move_disk
      - reassign_disk
      - detach_disk
      - snapshot
      - rollback
      - delete_snapshot
      - backup
      - migrate
      - remote_migrate
      - create_vm
      - create_container
      - restore
      - clone
      - start_all
      - stop_all
      - suspend_all
      - migrate_all
      - bulk_start
      - bulk_shutdown
      - bulk_suspend
      - bulk_migrate
      - download_url
      - download_template
      - pull_oci_image
      - delete_volume
      - copy_volume
      - prune_backups
      - service_start
      - service_stop
      - service_restart
      - service_reload
      - apply_network
      - update_packages
      - order_certificate
      - renew_certificate
      - revoke_certificate
      - initialize_gpt
      - wipe_disk
      - create_directory
      - remove_directory
      - create_lvm
      - remove_lvm
      - create_lvm_thin
      - remove_lvm_thin
      - create_zfs
      - remove_zfs
      - ceph_start
      - ceph_stop
      - ceph_restart
      - ceph_restart_osds
      - ceph_restart_all
      - ceph_set_flags
      - ceph_create_mon
      - ceph_destroy_mon
      - ceph_create_mgr
      - ceph_destroy_mgr
      - ceph_create_mds
      - ceph_destroy_mds
      - ceph_create_osd
      - ceph_destroy_osd
      - ceph_create_pool
      - ceph_set_pool
      - ceph_destroy_pool
      - ceph_create_fs
      - ceph_destroy_fs
      - sync_realm
      - preview_realm_sync
      - apply_sdn
      - acme_account_register
      - acme_account_update
      - acme_account_refresh
      - acme_account_deactivate
      # end of choices
  guests:
    description:
      - The guests, each a VMID, a name, or a dictionary with C(vmid), C(name) or both, and its own
        C(params), which are added to O(params). A number is a VMID, except in C(name). With both
        it is the guest of this VMID, which fails if it has another name.
      - A guest given by name is changed only if its configuration, read right before, still has
        that name.
      - A guest that does not exist, is on a node that does not answer, or does not allow the
        operation fails on its own; the others go on.
      - Instead of a list the guests can be selected by O(pool), O(tags), O(nodes), O(type),
        O(status) and O(name), all of which have to match. Each selected guest is checked again
        right before it is changed, by its own configuration, and left alone if it no longer
        matches. If none is selected, nothing is done, and RV(msg) says so.
      - A selected guest on a node that does not answer fails.
    type: list
    elements: raw
  nodes:
    description:
      - For an operation on nodes or a storage, the nodes that do it, each by a task of its own.
        V(all) means every node that is online. A named node that is offline fails.
      - For guests, which to select, only those on these nodes. A node that is not there is an
        error.
      - For V(create_vm), V(create_container) and V(restore), the one node to create the guests on,
        the same as the parameter C(node).
  storage:
    description:
      - The storage for an operation on a storage. For other operations the same as the parameter
        C(storage).
    type: str
  method:
    description:
      - For a call of the API that no operation is for, its method.
      - V(GET) returns RV(data) and changes nothing, in check mode too. With all others the call
        counts as destructive and needs O(allow_destructive), because its effect is unknown.
      - The call is sent once, whatever happens. It is waited for where it starts a task, but what
        HA does on behalf of that task is not. If it is not known whether it was carried out, the
        outcome is V(lost), the message says where to look, and it is up to you to try again.
      - Another run sends it again, also after a run that was killed. Give a call whose second time
        Proxmox VE refuses (C(newid), C(snapname)) if that must not be.
    type: str
    choices: [POST, PUT, DELETE, GET]
  path:
    description:
      - For a call of the API that no operation is for, its path as the API viewer shows it, such as
        C(/nodes/pve1/hosts). C(/api2/json) may come first. C(%2F) stands for a slash within a part.
      - Its fields go in O(params).
    type: str
  templates:
    description:
      - Whether to select templates as well. Otherwise they have to be listed in O(guests).
    type: bool
    default: false
  params:
    description:
      - Parameters of the operation by their names in the API.
      - Lists are joined in the format of Proxmox VE, V(true) and V(false) become 1 and 0, and a
        dictionary becomes a property string, in which a key may have no value, such as C(virtio) in
        C(net0).
    type: dict
  max_age:
    description:
      - With V(backup), a guest is left as it is if its newest backup on the storage is younger than
        this age (V(90s), V(2h), V(7d)), or later than this time (ISO 8601, epoch seconds). It needs
        O(storage), or C(storage) in O(params).
      - What counts are the backups that the guest's node lists on that storage, by the type and
        VMID of the guest, except those that a Proxmox Backup Server has found to be damaged. A
        backup that is older than the VM itself is of an earlier one. A container does not say when
        it was created.
      - Each guest is read again right before its backup would begin. One whose backups cannot be
        read fails.
    type: str
  allow_destructive:
    description:
      - Whether to allow operations that can lose data. Otherwise they are refused before anything
        is done.
    type: bool
    default: false
  force_stop:
    description:
      - Whether V(delete) stops a running guest first, like pulling the plug. It also needs the
        privilege C(VM.PowerMgmt).
    type: bool
    default: false
  apply:
    description:
      - When settings of V(configure) that need a restart take effect in a running guest.
      - With V(on_restart) they stay pending, and the result lists them. With V(now) the guest is
        rebooted if anything is pending, which also needs the privilege C(VM.PowerMgmt).
    type: str
    choices: [on_restart, now]
    default: on_restart
  update_password:
    description:
      - Whether V(configure) sets C(cipassword) in every run (V(always)), or only in guests without
        a password (V(on_create)). Proxmox VE does not reveal the current password.
    type: str
    choices: [always, on_create]
    default: always
attributes:
  check_mode:
    support: full
    details:
      - Returns the plan. A missing guest counts as one that an earlier task would have created.
  diff_mode:
    support: full
  idempotent:
    support: partial
    details:
      - V(reboot), and V(resize) with a plus sign, make a change in every run.
      - V(configure) with C(cipassword) sets it in every run, unless O(update_password=on_create).
extends_documentation_fragment:
  - upid.proxmox.wait
  - upid.proxmox.progress
  - upid.proxmox.start
  - upid.proxmox.guest_filters
  - upid.proxmox.connection
  - upid.proxmox.attributes
  - upid.proxmox.attributes.action_group
notes:
  - Each operation's privileges are listed with it, see O(operation). V(configure) needs the one of
    each option, such as C(VM.Config.CPU), C(VM.Config.Memory), C(VM.Config.Network),
    C(VM.Config.Cloudinit), C(VM.Config.Disk), C(VM.Config.CDROM) for CD and cloud-init drives, or
    C(VM.Config.Options). C(VM.Audit) on C(/vms/{vmid}) is needed to see a guest.
  - For a guest that HA manages, the module waits until the guest is in the requested state, not
    just until the request is filed.
seealso:
  - module: upid.proxmox.clone
  - module: upid.proxmox.container
  - module: upid.proxmox.fleet
  - module: upid.proxmox.guest_info
"""

EXAMPLES = r"""
- name: Start a VM
  upid.proxmox.operation:
    operation: start
    guests: web1

- name: Configure cloud-init of some VMs, and more memory for one
  upid.proxmox.operation:
    operation: configure
    params:
      ciuser: admin
      ipconfig0: ip=dhcp
      cores: 2
      tags: [web, ansible]
    guests:
      - web1
      - 202
      - name: web3
        params:
          memory: 8192

- name: Change the VLAN of a VM, which keeps its MAC address
  upid.proxmox.operation:
    operation: configure
    guests: web1
    params:
      net0:
        virtio:
        bridge: vmbr0
        tag: 20

- name: Add a data disk and memory to a VM, with a reboot if necessary
  upid.proxmox.operation:
    operation: configure
    guests: web1
    params:
      scsi1: ceph:64
      memory: 8192
    apply: now

- name: Grow a disk
  upid.proxmox.operation:
    operation: resize
    guests: [web1, web2]
    params:
      disk: scsi0
      size: 20G

- name: Shut down the running guests with a tag
  upid.proxmox.operation:
    operation: shutdown
    tags: web
    status: running

- name: Delete the test VMs of a pool
  upid.proxmox.operation:
    operation: delete
    pool: ci
    name: test-*
    type: qemu
    allow_destructive: true
    force_stop: true

- name: Migrate a running VM
  upid.proxmox.operation:
    operation: migrate
    guests: web1
    params:
      target: pve2
      online: true

- name: Restart a service on every node
  upid.proxmox.operation:
    operation: service_restart
    nodes: all
    params:
      service: pveproxy

- name: Make a call of the API that no operation is for
  upid.proxmox.operation:
    method: POST
    path: /pools
    params:
      poolid: staging
    allow_destructive: true

- name: Delete a container
  upid.proxmox.operation:
    operation: delete
    guests: 301
    params:
      purge: true
    allow_destructive: true
"""

RETURN = r"""
changed:
  description: Whether anything was changed, or would be changed in check mode.
  type: bool
  returned: always
  sample: true
guests:
  description:
    - Every requested guest, in the order of the request, selected ones by VMID. In check mode the
      plan.
  type: list
  elements: dict
  returned: always
  contains:
    vmid:
      description: The VMID, null in check mode if it is not chosen yet.
      type: int
      returned: always
      sample: 201
    name:
      description: The name, for a container its host name.
      type: str
      returned: always
      sample: web1
    node:
      description: The node that the guest is on.
      type: str
      returned: always
      sample: pve2
    type:
      description: V(qemu) for a VM, V(lxc) for a container.
      type: str
      returned: always
      sample: qemu
    outcome:
      description: The outcome, with the values of the outcome of a task.
      type: str
      returned: always
      sample: ok
    changed:
      description: Whether this call changed the guest.
      type: bool
      returned: always
      sample: true
    upid:
      description: The UPID of the last task of the guest, null if there was none.
      type: str
      returned: always
      sample: "UPID:pve1:000934AF:0D015579:68BF3A41:qmstart:201:ansible@pve!ci:"
    attempts:
      description: How many start requests were sent. V(0) if it existed or its task was adopted.
      type: int
      returned: always
      sample: 1
    message:
      description:
        - Why the guest failed or was left as it is, or what is pending until its restart. Null
          otherwise.
      type: str
      returned: always
      sample: null
    pending:
      description: The options that take effect at the next start of the guest.
      type: list
      elements: str
      returned: always
      sample: []
    details:
      description:
        - The details of a backup, also of one that failed. C(archive) is the volume on
          the C(storage), with the time C(created) and the C(size) in bytes, which all come from the
          content of the storage. C(mode), C(duration) in seconds, C(transferred) bytes, C(speed) in
          bytes per second and C(errors), the texts of its C(ERROR) lines, come from its log. What
          is not known is null.
      type: dict
      returned: after a backup
      sample:
        archive: "backups:backup/vzdump-qemu-201-2026_11_21-12_49_06.vma.zst"
        storage: backups
        created: "2026-11-21T12:49:06Z"
        size: 1395864371
        mode: snapshot
        duration: 95
        transferred: 34359738368
        speed: 374341632
        errors: []
targets:
  description:
    - Every node, storage or cluster that an operation was for, or the call by O(path). In check
      mode the plan.
  type: list
  elements: dict
  returned: always
  contains:
    node:
      description: The node that works, for the cluster the one that answers.
      type: str
      returned: always
      sample: pve1
    storage:
      description: The storage, null where it is about none.
      type: str
      returned: always
      sample: null
    outcome:
      description: How it went, one of the outcomes of a task.
      type: str
      returned: always
      sample: ok
    changed:
      description: Whether this call changed it.
      type: bool
      returned: always
      sample: true
    upid:
      description: The UPID of the last task, null where there was none.
      type: str
      returned: always
      sample: "UPID:pve1:000934AF:0D015579:68BF3A41:srvrestart:pveproxy:ansible@pve!ci:"
    attempts:
      description: How many calls were sent for it.
      type: int
      returned: always
      sample: 1
    message:
      description: Why it failed or was left as it is. Null otherwise.
      type: str
      returned: always
      sample: null
data:
  description: What the call by O(path) returned, null where that was a task or nothing.
  type: raw
  returned: when O(path) is given, but not in a plan
  sample: null
operations:
  description: The operations.
  type: list
  elements: dict
  returned: when O(operation=list)
  contains:
    name:
      description: The name of the operation.
      type: str
      returned: always
      sample: snapshot
    category:
      description: What it belongs to.
      type: str
      returned: always
      sample: snapshots
    about:
      description: What it is for.
      type: str
      returned: always
      sample: VMs and containers
    required:
      description: The names that O(params) has to have.
      type: list
      elements: str
      returned: always
      sample: [snapname]
    destructive:
      description: Whether it can lose data or work, V(always), V(never), or with which parameters.
      type: str
      returned: always
      sample: never
    privileges:
      description: What the user or token needs for it.
      type: str
      returned: always
      sample: VM.Snapshot on /vms/{vmid}
    wait_timeout:
      description: The default of O(wait_timeout) in seconds.
      type: int
      returned: always
      sample: 3600
tasks:
  description: Every task that was started or adopted.
  type: list
  elements: dict
  returned: always
  contains:
    upid:
      description: The UPID, the id of the task.
      type: str
      returned: always
      sample: "UPID:pve1:000934AF:0D015579:68BF3A41:qmstart:201:ansible@pve!ci:"
    node:
      description: The node that runs or ran the task.
      type: str
      returned: always
      sample: pve1
    type:
      description: The type of the task.
      type: str
      returned: always
      sample: qmstart
    id:
      description: What the task works on, mostly a VMID; for a clone, the VMID of the source.
      type: str
      returned: always
      sample: "201"
    user:
      description: The user or API token that started the task.
      type: str
      returned: always
      sample: ansible@pve!ci
    title:
      description: The name of the task in the web interface.
      type: str
      returned: always
      sample: VM 201 - Start
    outcome:
      description:
        - The outcome. V(queued), V(starting) and V(running) are not final. V(ok), V(warnings),
          V(failed), V(cancelled), V(timed_out), V(lost) and V(unchanged) are.
        - V(lost) means that the outcome cannot be determined, because the node, the log or the
          privilege to see it is gone.
      type: str
      returned: always
      sample: ok
    exitstatus:
      description: The exit status from Proxmox VE, null if there is none.
      type: str
      returned: always
      sample: "OK"
    started:
      description: When the task started, ISO 8601 in UTC.
      type: str
      returned: always
      sample: "2025-09-08T20:19:13Z"
    ended:
      description: When the task ended, null if unknown.
      type: str
      returned: always
      sample: "2025-09-08T20:19:55Z"
    duration:
      description: How many seconds the task took, null if unknown.
      type: int
      returned: always
      sample: 42
    progress:
      description: The progress in percent, null if the task reports none.
      type: float
      returned: always
      sample: 100.0
    log:
      description:
        - The last lines of the log of a task that did not end V(ok), after any earlier errors and
          warnings.
      type: list
      elements: str
      returned: always
      sample: []
msg:
  description:
    - The result in one line, in check mode what would be done.
    - After a failure each failed guest or task follows with its reason and the end of its log.
  type: str
  returned: always
  sample: "3 guests: 2 ok, 1 unchanged in 4.1 s"
succeeded:
  description: Whether the call succeeded, whatever C(failed_when) makes of it.
  type: bool
  returned: always
  sample: true
summary:
  description: The number of guests with each outcome, their C(total), and the C(elapsed) seconds.
  type: dict
  returned: always
  sample:
    ok: 1
    total: 1
    elapsed: 43.1
api:
  description: The number of C(requests), and the C(host) that answered last.
  type: dict
  returned: always
  sample:
    host: pve1.example.com:8006
    requests: 27
diff:
  description: What changes in each guest, before and after, in diff mode.
  type: dict
  returned: in diff mode
  sample:
    before: "VM 201 (web1) on pve2: memory: 2048\n"
    after: "VM 201 (web1) on pve2: memory: 8192\n"
"""

from ..module_utils._pve.commands import operation
from ..module_utils._pve.edge.arguments import GUEST_FILTERS_SPEC, START_SPEC
from ..module_utils._pve.edge.module import run
from ..module_utils._pve.operations.catalog import OPERATIONS

ARGUMENT_SPEC = {
    "operation": {"type": "str", "choices": [operation.LIST, *OPERATIONS]},
    "method": {"type": "str", "choices": ["POST", "PUT", "DELETE", "GET"]},
    "path": {"type": "str"},
    "storage": {"type": "str"},
    "guests": {"type": "list", "elements": "raw"},
    "templates": {"type": "bool", "default": False},
    "params": {"type": "dict"},
    "max_age": {"type": "str"},
    "allow_destructive": {"type": "bool", "default": False},
    "force_stop": {"type": "bool", "default": False},
    "apply": {"type": "str", "choices": ["on_restart", "now"], "default": "on_restart"},
    "update_password": {
        "type": "str",
        "choices": ["always", "on_create"],
        "default": "always",
        "no_log": False,  # it says when, not what
    },
}


def main() -> None:
    # The parameters may hold a password, so the call is not written to the system's log.
    spec = {**START_SPEC, **GUEST_FILTERS_SPEC, **ARGUMENT_SPEC}
    keys = ("guests", "targets", "tasks")
    run(operation.run, spec, keys=keys, offline=operation.listed, no_log=True)


if __name__ == "__main__":
    main()
