#!/usr/bin/env bash
# Installs what Cairn needs on Debian 12 beside the Swift toolchain: Debian packages, and for the tests a Python
# environment with PyTorch, Lightning and safetensors. Does nothing, quickly, where all of it is there.
#
#   Tests/setup.sh                all that the tests need
#   Tests/setup.sh --build-only   only what building and running `cairn` needs
#   Tests/setup.sh --benchmark    on top of what the tests need, what the benchmark program measures beside Cairn
#
#   CAIRN_VENV   where the Python environment is (default: .venv at the top of the repository, which git ignores)
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=${CAIRN_VENV:-$top/.venv}

build_packages=(ca-certificates libsqlite3-dev libzstd-dev zlib1g-dev libdeflate-dev)
debian_packages=(
  "${build_packages[@]}"
  python3 python3-venv                                   # the environment below
  python3-torch python3-numpy                            # /usr/bin/python3 with PyTorch 1.13, to cross-check
  strace tmux util-linux valgrind                        # tests of system calls, terminals, other users, memory
  rsync                                                  # tests of copies made by it
  sshfs openssh-sftp-server socat                        # a filesystem whose locks are local to one host
  zsh fish mandoc                                        # tests of completion in these shells, of manual pages
  g++                                                    # a device of the tests' own, for PyTorch
)
python_packages=(
  torch==2.15.0 lightning==2.6.6 safetensors==0.8.0 numpy==2.4.6
  pytest==9.2.0 pandas==3.1.1                            # tests in Python
  jsonargparse==4.53.0 docstring-parser==0.18.0 typeshed-client==2.15.0  # LightningCLI
)

# What keeps files by itself: restic, borg, and DVC, which needs git.
benchmark_debian_packages=(restic borgbackup git)
benchmark_python_packages=(dvc==3.67.1)

say() { echo "setup: $*" >&2; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo --non-interactive "$@"
  else
    say "must be root, or have sudo, to run: $*"
    return 1
  fi
}

missing_packages() {
  local package
  for package in "${debian_packages[@]}"; do
    # Not `grep -q`: it may end before dpkg-query has written all.
    if [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)" != installed ]; then
      echo "$package"
    fi
  done
}

apt() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes -o DPkg::Lock::Timeout=300 \
    -o Acquire::Retries=3 "$@" </dev/null
}

install_debian_packages() {
  local missing
  mapfile -t missing < <(missing_packages)
  if [ "${#missing[@]}" -eq 0 ]; then return; fi
  say "installing ${missing[*]}"
  apt update
  apt install --no-install-recommends "${missing[@]}"
}

# The packages' versions are read from the environment itself: half an installation is none.
environment_is_complete() {
  [ -x "$venv/bin/python" ] && "$venv/bin/python" - "${python_packages[@]}" <<'PYTHON'
import sys
from importlib import metadata
for wanted in sys.argv[1:]:
    name, version = wanted.split("==")
    try:
        if metadata.version(name).split("+")[0] != version:
            sys.exit(1)
    except metadata.PackageNotFoundError:
        sys.exit(1)
PYTHON
}

install_python_packages() {
  if environment_is_complete; then return; fi
  say "making the Python environment $venv (PyTorch and Lightning: some minutes, 6 GB)"
  # Debian's own interpreter: another python3 may come first in the path.
  /usr/bin/python3 -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --no-input --disable-pip-version-check --retries 5 \
    "${python_packages[@]}" </dev/null
  environment_is_complete || { say "$venv lacks one of ${python_packages[*]}"; exit 1; }
}

case "${1-}" in
  --build-only)
    debian_packages=("${build_packages[@]}")
    install_debian_packages
    ;;
  --benchmark)
    debian_packages+=("${benchmark_debian_packages[@]}")
    python_packages+=("${benchmark_python_packages[@]}")
    install_debian_packages
    install_python_packages
    ;;
  "")
    install_debian_packages
    install_python_packages
    ;;
  *)
    say "unknown argument: $1"
    exit 64
    ;;
esac
