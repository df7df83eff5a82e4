"""The rules of `benchmarks/world.py` as policies of Cerbos, and its configuration.

Attributes of the principal and of the resource come with each question, for it keeps none. What it could do and is not
asked to counts in its favour: it verifies no token, answers without reasons, and writes nothing but its decisions.
"""

from pathlib import Path
from typing import Final

POLICY: Final = """\
apiVersion: api.cerbos.dev/v1
resourcePolicy:
  version: default
  resource: document
  rules:
    - name: by_role_read
      actions: [read]
      effect: EFFECT_ALLOW
      roles: [user]
      condition:
        match:
          any:
            of:
              - expr: R.attr.tenant in P.attr.editor_of
              - expr: R.attr.tenant in P.attr.viewer_of
    - name: by_role_edit
      actions: [edit]
      effect: EFFECT_ALLOW
      roles: [user]
      condition:
        match:
          expr: R.attr.tenant in P.attr.editor_of
    - name: owner_all
      actions: [read, edit, share]
      effect: EFFECT_ALLOW
      roles: [user]
      condition:
        match:
          all:
            of:
              - expr: R.attr.owner == P.id
              - expr: "!R.attr.locked"
    - name: cleared
      actions: [read]
      effect: EFFECT_ALLOW
      roles: [user]
      condition:
        match:
          all:
            of:
              - expr: P.attr.tenant == R.attr.tenant
              - expr: P.attr.clearance >= R.attr.level
    - name: suspended
      actions: ["*"]
      effect: EFFECT_DENY
      roles: [user]
      condition:
        match:
          expr: P.attr.suspended
    - name: isolation
      actions: ["*"]
      effect: EFFECT_DENY
      roles: [user]
      condition:
        match:
          expr: P.attr.tenant != R.attr.tenant
    - name: office
      actions: [read, edit, share]
      effect: EFFECT_DENY
      roles: [user]
      condition:
        match:
          all:
            of:
              - expr: R.attr.region == "eu"
              - expr: "!P.attr.ip.inIPAddrRange('10.0.0.0/8')"
    - name: frozen
      actions: [edit]
      effect: EFFECT_DENY
      roles: [user]
      condition:
        match:
          all:
            of:
              - expr: R.attr.locked
              - expr: R.attr.level > 8
"""
_CONFIGURATION: Final = """\
server:
  grpcListenAddr: 127.0.0.1:{grpc}
  httpListenAddr: 127.0.0.1:{http}
storage:
  driver: disk
  disk:
    directory: {folder}/policies
    watchForChanges: false
audit:
  enabled: true
  accessLogsEnabled: false
  decisionLogsEnabled: true
  backend: file
  file:
    path: {folder}/audit.log
telemetry:
  disabled: true
"""


def write_configuration(folder: Path, grpc: int, http: int) -> Path:
    """Policies and configuration into the folder; the configuration's file."""
    (folder / "policies").mkdir(parents=True)
    (folder / "policies" / "document.yaml").write_text(POLICY)
    configuration = folder / "cerbos.yaml"
    configuration.write_text(_CONFIGURATION.format(folder=folder, grpc=grpc, http=http))
    return configuration
