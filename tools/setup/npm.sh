#!/bin/sh
# npm.sh VENV: what the tests take from npm, in VENV/npm: MicroPython's WebAssembly build, the oldest version that a board may have, and
# axe-core, which finds what people with other senses and hands cannot use.
set -eu
venv=$1
wanted='@micropython/micropython-webassembly-pyscript@1.24.0 axe-core@4.14.1'
mark=$venv/npm/wanted
[ -f "$mark" ] && [ "$(cat "$mark")" = "$wanted" ] && exit 0
if ! command -v npm >/dev/null 2>&1; then
    echo "gridecho: no npm, so no MicroPython 1.24.0 for WebAssembly and no axe-core; the tests with them will say that they are skipped" >&2
    exit 0
fi
echo "gridecho: installing MicroPython 1.24.0 for WebAssembly and axe-core (once)"
mkdir -p "$venv/npm"
# shellcheck disable=SC2086 # two words
if npm install --silent --no-audit --no-fund --no-save --prefix "$venv/npm" $wanted >/dev/null; then
    printf %s "$wanted" >"$mark"
else
    echo "gridecho: npm could not install $wanted; the tests with them will say that they are skipped" >&2
fi
