#!/usr/bin/env bash
# Prepare a Debian or Ubuntu machine for `pytest -m cluster`: Slurm, munge, an SSH server, network tools.
# Run as root, as often as you like. Nothing is started and no service is left on: the tests start their own.
set -euo pipefail

packages=(slurm-wlm munge openssh-server iproute2)

missing=()
for package in "${packages[@]}"; do
    [[ "$(dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null)" == "install ok installed" ]] || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
    echo "all there: ${packages[*]}"
    exit 0
fi
if ((EUID != 0)); then
    echo "error: needs root to install ${missing[*]}; run: sudo $0" >&2
    exit 1
fi

# Packages start their services on installation; a policy that says no keeps a shared machine as it was.
policy=/usr/sbin/policy-rc.d
if [[ ! -e "$policy" ]]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -y -q --no-install-recommends "${missing[@]}"
