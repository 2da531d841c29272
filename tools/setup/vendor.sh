#!/bin/sh
# vendor.sh: makes anew what the remote's pages have of others, from npm: uPlot's script, style sheet and licence, of one version whose
# tarball has this hash. They are in the repository, so that a checkout and a wheel need no network; tests/unit/test_vendor.py holds them.
set -eu
version=1.6.32
integrity=sha512-KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw==
there=$(dirname "$0")/../../host/remote/gridecho_remote/static/vendor/uplot-$version
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm pack --silent --pack-destination "$folder" "uplot@$version" >/dev/null
found=sha512-$(openssl dgst -sha512 -binary "$folder/uplot-$version.tgz" | openssl base64 -A)
if [ "$found" != "$integrity" ]; then
    echo "gridecho: npm's uplot $version is not the one that was looked at: $found" >&2
    exit 1
fi
tar -xzf "$folder/uplot-$version.tgz" -C "$folder"
mkdir -p "$there"
for file in LICENSE dist/uPlot.iife.min.js dist/uPlot.min.css; do
    cp "$folder/package/$file" "$there/"
done
