#!/bin/sh
# vendor.sh: makes anew what pages have of others, from npm, of one version whose tarball has one hash: for the remote's pages uPlot's script
# and style sheet, for the manual the shim by which its search works in files that no server gives; each with its licence. They are in the
# repository, so that a checkout and a wheel need no network; tests/unit/test_vendor.py holds them.
set -eu
root=$(dirname "$0")/../..
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

take() { # take NAME VERSION INTEGRITY FOLDER FILE...
    name=$1 version=$2 integrity=$3 there=$root/$4/$1-$2
    shift 4
    npm pack --silent --pack-destination "$folder" "$name@$version" >/dev/null
    found=sha512-$(openssl dgst -sha512 -binary "$folder/$name-$version.tgz" | openssl base64 -A)
    if [ "$found" != "$integrity" ]; then
        echo "gridecho: npm's $name $version is not the one that was looked at: $found" >&2
        exit 1
    fi
    tar -xzf "$folder/$name-$version.tgz" -C "$folder"
    mkdir -p "$there"
    for file; do
        cp "$folder/package/$file" "$there/"
    done
    rm -r "$folder/package"
}

take uplot 1.6.32 sha512-KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw== \
    host/remote/gridecho_remote/static/vendor LICENSE dist/uPlot.iife.min.js dist/uPlot.min.css
take iframe-worker 1.0.4 sha512-roeaaI+Lg1LJNfgpCjoRe/+WzEjy9+Z08LoEvu85MCPbBjwm+qXz8Ag5U05lHa6V1CysZyGzE0SOkAtSUA5q7Q== \
    docs/assets/vendor LICENSE shim/index.js
