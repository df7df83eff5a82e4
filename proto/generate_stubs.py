"""Generates the Python stubs of the contract, beside it or into another folder."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import google.rpc.status_pb2

ROOT = Path(__file__).resolve().parent
CONTRACT = sorted(ROOT.glob("magistrate/v1/*.proto"))
GOOGLEAPIS = Path(google.rpc.status_pb2.__file__).parents[2]


def run_protoc(*options: str) -> None:
    """Run protoc over the whole contract with its imports in reach; raise CalledProcessError when it refuses."""
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{ROOT}", f"-I{GOOGLEAPIS}", *options]
    subprocess.run([*command, *map(str, CONTRACT)], check=True)


def generate(out: Path) -> None:
    """Write messages and services, with their types, for every file of the contract under `out`."""
    scripts = Path(sysconfig.get_path("scripts"))
    run_protoc(
        # Named in full: the environment need not be active for its plugins to be found.
        *(f"--plugin={name}={scripts / name}" for name in ("protoc-gen-mypy", "protoc-gen-mypy_grpc")),
        *(f"--{kind}_out={out}" for kind in ("python", "grpc_python", "mypy", "mypy_grpc")),
    )


if __name__ == "__main__":
    generate(ROOT)
