# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How to reach the API: the options of ``CONNECTION_SPEC``, for modules and for other plugins."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  api_host:
    description:
      - The Proxmox VE host whose API is used, as C(host), C(host:port) or C([v6-address]:port).
      - If you list several nodes of one cluster, the first that answers is used. The others are for
        failover.
      - Required. If not set, the environment variable E(PROXMOX_HOST) is used.
    type: list
    elements: str
  api_port:
    description:
      - The port of the API, for hosts without a port.
      - If not set, the environment variable E(PROXMOX_PORT) is used.
    type: int
    default: 8006
  api_path_prefix:
    description:
      - The path prefix of the API behind a reverse proxy, such as V(/pve).
      - If not set, the environment variable E(PROXMOX_API_PATH_PREFIX) is used.
    type: str
  api_user:
    description:
      - The user to log in as, with the realm.
      - If not set, the environment variable E(PROXMOX_USER) is used.
    type: str
    default: root@pam
  api_password:
    description:
      - The password of O(api_user).
      - Either this or O(api_token_id) is required.
      - If not set, the environment variable E(PROXMOX_PASSWORD) is used.
    type: str
  api_otp:
    description:
      - The one-time password (TOTP) of O(api_user), if the user has a second factor.
      - If not set, the environment variable E(PROXMOX_OTP) is used.
    type: str
  api_token_id:
    description:
      - The id of an API token, alone (then O(api_user) owns it) or as C(user@realm!name).
      - If both are set, the token takes precedence over the password. But a password in an option
        takes precedence over a token in the environment.
      - If not set, the environment variable E(PROXMOX_TOKEN_ID) is used.
    type: str
  api_token_secret:
    description:
      - The secret of the API token.
      - If not set, the environment variable E(PROXMOX_TOKEN_SECRET) is used.
    type: str
  ca_path:
    description:
      - A file of CA certificates (PEM) to verify the certificate of the API with, instead of those
        that the system trusts.
      - The CA of a cluster is in C(/etc/pve/pve-root-ca.pem) on every node.
      - If not set, the environment variable E(PROXMOX_CA_PATH) is used.
    type: path
  validate_certs:
    description:
      - Whether to verify the certificate of the API.
      - V(false) lets anyone on the network path read the password. Prefer O(ca_path) or
        O(api_fingerprint).
      - If not set, the environment variable E(PROXMOX_VALIDATE_CERTS) is used.
    type: bool
    default: true
  api_fingerprint:
    description:
      - The SHA-256 fingerprint of the certificate, as Proxmox VE prints it (C(AA:BB:...)). A
        certificate with this fingerprint is trusted, regardless of its issuer.
      - If you list several fingerprints, such as those of all nodes, any of them may match.
      - If not set, the environment variable E(PROXMOX_FINGERPRINT) is used.
    type: list
    elements: str
  api_timeout:
    description:
      - How many seconds to wait for the response to a request. Connecting has a separate limit of 5
        seconds.
      - Proxmox VE itself waits for up to 30 seconds for another node or for a lock.
      - If not set, the environment variable E(PROXMOX_API_TIMEOUT) is used.
    type: int
    default: 30
  api_retries:
    description:
      - How often to retry a read request that got no response.
      - If not set, the environment variable E(PROXMOX_API_RETRIES) is used.
    type: int
    default: 5
requirements:
  - proxmoxer >= 2.2
  - requests
notes:
  - The connection options can be set once for all modules of the collection with the action group
    C(upid.proxmox.proxmox) in C(module_defaults), see the examples of
    M(upid.proxmox.wait_task).
seealso:
  - name: Proxmox VE API viewer
    description: Reference of the API.
    link: https://pve.proxmox.com/pve-docs/api-viewer/
"""

    # Used after the one above, by plugins that run on the controller and read variables.
    PLUGINS = r"""
options:
  api_host:
    env:
      - name: PROXMOX_HOST
    vars:
      - name: upid_proxmox_api_host
  api_port:
    env:
      - name: PROXMOX_PORT
    vars:
      - name: upid_proxmox_api_port
  api_path_prefix:
    env:
      - name: PROXMOX_API_PATH_PREFIX
    vars:
      - name: upid_proxmox_api_path_prefix
  api_user:
    env:
      - name: PROXMOX_USER
    vars:
      - name: upid_proxmox_api_user
  api_password:
    env:
      - name: PROXMOX_PASSWORD
    vars:
      - name: upid_proxmox_api_password
  api_otp:
    env:
      - name: PROXMOX_OTP
    vars:
      - name: upid_proxmox_api_otp
  api_token_id:
    env:
      - name: PROXMOX_TOKEN_ID
    vars:
      - name: upid_proxmox_api_token_id
  api_token_secret:
    env:
      - name: PROXMOX_TOKEN_SECRET
    vars:
      - name: upid_proxmox_api_token_secret
  ca_path:
    env:
      - name: PROXMOX_CA_PATH
    vars:
      - name: upid_proxmox_ca_path
  validate_certs:
    env:
      - name: PROXMOX_VALIDATE_CERTS
    vars:
      - name: upid_proxmox_validate_certs
  api_fingerprint:
    env:
      - name: PROXMOX_FINGERPRINT
    vars:
      - name: upid_proxmox_api_fingerprint
  api_timeout:
    env:
      - name: PROXMOX_API_TIMEOUT
    vars:
      - name: upid_proxmox_api_timeout
  api_retries:
    env:
      - name: PROXMOX_API_RETRIES
    vars:
      - name: upid_proxmox_api_retries
"""
