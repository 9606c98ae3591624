#!/usr/bin/env bash
# Install chromium for tests/workflow/test_page.py if it is missing. Needs root on Debian.
# Status 3: this machine cannot have it.
set -euo pipefail

command -v chromium >/dev/null && exit
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "chromium.sh: chromium is missing, and it needs root and apt-get to install it" >&2
    exit 3
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null || {
    echo "chromium.sh: chromium cannot be installed" >&2
    exit 3
}
