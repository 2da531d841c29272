#!/bin/sh
# One would guess: astype to a dtype with the same field names in another order puts each field where its name is, and back gives the same.
# What happens: fields go by place; back again the names look right, and only values too wide for the field they went through are others. Seen 2026-11-29.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6
cat > "$folder/seen.py" <<'PY'
import numpy as np

print("numpy", np.__version__)
asked = np.dtype([("time_s", "<i8"), ("register_wh", "<i8"), ("count", "<i8")])
kept = np.dtype([("time_s", "<u4"), ("count", "<u4"), ("register_wh", "<i8")])  # the same names, short where short will do


def there_and_back(register_wh):
    day = np.array([(1_767_225_600, register_wh, 1_440)], asked)
    again = day.astype(kept).astype(asked)
    return {name: int(again[name][0]) for name in asked.names}


small, large = there_and_back(12_345), there_and_back(5_000_000_000)
by_name = np.zeros(1, kept)
by_name["register_wh"] = 5_000_000_000
print("a small register:", small, " a large one:", large, " set by name:", int(by_name["register_wh"][0]))
assert small["register_wh"] == 12_345 and small["count"] == 1_440
assert large["register_wh"] == 5_000_000_000 % 2**32 and int(by_name["register_wh"][0]) == 5_000_000_000, "NumPy changed"
PY
"$folder/venv/bin/python" "$folder/seen.py"
