#!/bin/sh
# What the tests need from Debian: Chromium and its driver for the browser test, Mosquitto for the bench that a relay is held against,
# strace for the tests of what a relay writes before it answers, PostgreSQL for the remote's second engine, nginx and Caddy to stand
# before it, node and npm for a second MicroPython and axe-core (npm.sh).
# Installs what is missing where it may, says the command where it may not.
there() {
    # Debian keeps daemons where only root's PATH looks.
    PATH="$PATH:/usr/sbin" command -v "$1" >/dev/null 2>&1
}
missing=
there chromedriver && { there chromium || there chromium-browser || there google-chrome; } || missing="chromium chromium-driver"
there mosquitto || missing="$missing mosquitto"
there nginx || missing="$missing nginx"
there caddy || missing="$missing caddy"
there strace || missing="$missing strace"
there node || missing="$missing nodejs"
there npm || missing="$missing npm"
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
missing=${missing# }
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && there apt-get; then
    echo "gridecho: installing $missing for the tests (once)"
    export DEBIAN_FRONTEND=noninteractive
    # The tests start servers of their own; Debian's package would make one that listens all the time.
    case "$missing" in
        *postgresql*)
            mkdir -p /etc/postgresql-common/createcluster.d
            echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.d/gridecho.conf
            ;;
    esac
    # Nor are servers of Debian's packages to begin by themselves, but where the machine has its own word on that.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
        trap 'rm -f "$policy"' EXIT
    fi
    # shellcheck disable=SC2086 # a list of packages
    if apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing >/dev/null; then
        # Tests and bench start their own; nobody asked for any that listens all the time.
        for service in mosquitto nginx caddy; do
            case "$missing" in
                *$service*) [ -d /run/systemd/system ] && systemctl disable --now --quiet "$service" ;;
            esac
        done
        exit 0
    fi
    echo "gridecho: apt-get could not install $missing; the tests that need it will say that they are skipped" >&2
    exit 0
fi
echo "gridecho: some tests need more; install it with: sudo apt-get install $missing (until then they skip)" >&2
