#!/bin/sh
# One would guess: pip-audit that says "No known vulnerabilities found" and ends with 0 has looked every package up.
# What happens (2.10.1): one that its source does not know is skipped, and it ends with 0; behind an index that hands out packages and
# nothing about vulnerabilities that is all of them. Only --strict fails. Seen 2026-11-28.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pip-audit==2.10.1
about="$folder/site/gridecho_is_not_on_any_index-1.0.dist-info"
mkdir -p "$about"
printf 'Metadata-Version: 2.1\nName: gridecho-is-not-on-any-index\nVersion: 1.0\n' >"$about/METADATA"
"$folder/venv/bin/pip-audit" --path "$folder/site"
echo "ended with 0"
if "$folder/venv/bin/pip-audit" --strict --path "$folder/site"; then
    echo "no longer so: --strict takes it too" >&2
    exit 1
fi
