#!/usr/bin/env bash
# Installs moto, an emulation of AWS, for tests/integration/test_discovery_cloudmap.py into the virtual environment
# build/moto. Says nothing when it is there.
set -euo pipefail
cd "$(dirname "$0")/.."

# Only what its server needs to emulate Cloud Map: moto[server] would bring twice as much.
PACKAGES=(moto==5.2.5 flask==3.1.3 flask-cors==6.0.5)
INSTALLED=build/moto/installed-$(cat tests/install_moto.sh | sha256sum | cut -c -16)
[ -e "$INSTALLED" ] && exit 0

rm -rf build/moto
python3 -m venv build/moto
build/moto/bin/pip install -q "${PACKAGES[@]}"
touch "$INSTALLED"
