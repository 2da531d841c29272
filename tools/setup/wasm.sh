#!/bin/sh
# wasm.sh VENV: puts MicroPython's WebAssembly build in VENV/wasm, the oldest version that a board may have. By npm, for the tests.
set -eu
venv=$1 package=@micropython/micropython-webassembly-pyscript version=1.24.0
there=$venv/wasm/node_modules/$package/package.json
[ -f "$there" ] && grep -q "\"version\": \"$version\"" "$there" && exit 0
if ! command -v npm >/dev/null 2>&1; then
    echo "gridecho: no npm, so no MicroPython $version for WebAssembly; the tests on it will say that they are skipped" >&2
    exit 0
fi
echo "gridecho: installing MicroPython $version for WebAssembly (once)"
mkdir -p "$venv/wasm"
npm install --silent --no-audit --no-fund --no-save --prefix "$venv/wasm" "$package@$version" >/dev/null ||
    echo "gridecho: npm could not install $package; the tests on it will say that they are skipped" >&2
