"""Exactly which files go to a board, by their path there. Data only: tools read it and never run it.

A file under lib/ that is in neither list fails a test, so that nothing is forgotten and nothing travels by accident.
"""

FILES = [
    "boot.py",
    "main.py",
    "lib/gridecho/__init__.py",
    "lib/gridecho/clock.py",
    "lib/gridecho/cmac.py",
    "lib/gridecho/compat.py",
    "lib/gridecho/crypto.py",
    "lib/gridecho/errors.py",
    "lib/gridecho/frames.py",
    "lib/gridecho/keys.py",
    "lib/gridecho/quantities.py",
    "lib/gridecho/readings.py",
    "lib/gridecho/registers.py",
    "lib/gridecho/route.py",
    "lib/gridecho/rtt.py",
    "lib/gridecho/siv.py",
    "lib/gridecho_node/__init__.py",
    "lib/gridecho_node/app.py",
    "lib/gridecho_node/backlog.py",
    "lib/gridecho_node/checks.py",
    "lib/gridecho_node/compat.py",
    "lib/gridecho_node/config.py",
    "lib/gridecho_node/console.py",
    "lib/gridecho_node/faults.py",
    "lib/gridecho_node/files.py",
    "lib/gridecho_node/hw.py",
    "lib/gridecho_node/meters/__init__.py",
    "lib/gridecho_node/meters/replay.py",
    "lib/gridecho_node/lines.py",
    "lib/gridecho_node/port.py",
    "lib/gridecho_node/rules.py",
    "lib/gridecho_node/sensor.py",
    "lib/gridecho_node/spool.py",
    "lib/gridecho_node/traffic.py",
    "lib/gridecho_node/uplink.py",
    "lib/gridecho_node/watch.py",
]

# They import what no board has, or hold what only relay and remote do.
HOST_ONLY = [
    "lib/gridecho/batch.py",
    "lib/gridecho/crypto_host.py",
    "lib/gridecho/replay.py",
    "lib/gridecho/states.py",
]
