#!/bin/sh
# Says in one sentence what is missing for `make demo` and `make test`, and the command that mends it.
python=${1:-python3}
if ! command -v "$python" >/dev/null 2>&1; then
    echo "gridecho: no $python on this machine; mend it with: sudo apt-get install python3 python3-venv" >&2
    exit 2
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "gridecho: $python is older than 3.11; name a newer one: make PYTHON=python3.12 demo" >&2
    exit 2
fi
if ! "$python" -c 'import venv, ensurepip' >/dev/null 2>&1; then
    echo "gridecho: $python has no venv module; mend it with: sudo apt-get install python3-venv" >&2
    exit 2
fi
