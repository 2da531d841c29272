#!/bin/sh
# The browser test needs Debian's Chromium and its driver: installs them where it may, says the command where it may not.
if command -v chromedriver >/dev/null 2>&1 && { command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null 2>&1; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "gridecho: installing chromium and chromium-driver for the browser test (once)"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium chromium-driver >/dev/null && exit 0
    echo "gridecho: apt-get could not install chromium and chromium-driver; the browser test will say that it is skipped" >&2
    exit 0
fi
echo "gridecho: the browser test needs Chromium; install it with: sudo apt-get install chromium chromium-driver (until then that test skips)" >&2
