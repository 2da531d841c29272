#!/bin/sh
# One would guess: types-peewee adds the types that peewee lacks, and in which order the two are installed makes no difference.
# What happens: the wheels of both hold peewee-stubs/__init__.pyi, with other content; the last one installed wins. Seen 2026-11-28.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for order in "types-peewee==4.5.1.20260909 peewee==4.5.3" "peewee==4.5.3 types-peewee==4.5.1.20260909"; do
    python3 -m venv "$folder/venv"
    for package in $order; do
        "$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps "$package"
    done
    echo "installed in this order: $order"
    stub=$(find "$folder/venv/lib" -path '*/peewee-stubs/__init__.pyi')
    sha256sum "$stub" | cut -c1-16 | tee "$folder/sum.${order%%=*}"
    grep -l 'peewee-stubs/__init__.pyi,' "$folder"/venv/lib/*/site-packages/*.dist-info/RECORD | sed 's/.*site-packages.//'
    rm -rf "$folder/venv"
done
if cmp -s "$folder/sum.peewee" "$folder/sum.types-peewee"; then
    echo "no longer so: the order makes no difference" >&2
    exit 1
fi
echo "seen: two packages own one file, and the order of installing decides what it says"
