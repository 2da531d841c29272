#!/bin/sh
# install.sh PYTHON VENV WHAT: makes VENV if it is not there, and installs WHAT of this checkout in it, editable.
# By uv where it is, which takes seconds; else by pip.
set -eu
python=$1 venv=$2 what=$3
[ -d "$venv" ] || fresh=yes
if command -v uv >/dev/null 2>&1; then
    [ -z "${fresh:-}" ] || echo "gridecho: making $venv and installing the packages with uv (once)"
    [ -z "${fresh:-}" ] || uv venv --quiet --seed --python "$python" "$venv"
    uv pip install --quiet --compile-bytecode --python "$venv/bin/python" --editable "$what"
else
    [ -z "${fresh:-}" ] || echo "gridecho: making $venv and installing the packages (once, about a minute)"
    [ -z "${fresh:-}" ] || "$python" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable "$what"
fi
