"""conda.yaml, written with the digest of the locked requirements that it installs.

python -m steps.shared.conda_env > conda.yaml

MLflow knows a conda environment by the text of that file alone: without the digest, `mlflow run`
would go on in the environment of an earlier lock after each new one.
"""

import hashlib

from steps.shared.code_digest import LOCK, ROOT


def conda_env() -> str:
    """The text of conda.yaml."""
    name = LOCK.relative_to(ROOT).as_posix()
    return f"""\
# Written by `make lock`, with the digest of what is locked: MLflow makes a new environment for it.
# {name}: sha256:{hashlib.sha256(LOCK.read_bytes()).hexdigest()}
name: sports-ball-classification
channels: [conda-forge]
dependencies:
  - python=3.11
  - pip
  - pip:
      - -r {name}
"""


if __name__ == "__main__":
    print(conda_env(), end="")
