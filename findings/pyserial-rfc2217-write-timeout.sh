#!/bin/sh
# One would guess: a setting that an rfc2217:// port of pyserial cannot have is refused, and the port stays as usable as before.
# What happens: write_timeout raises NotImplementedError and is kept all the same; from then on every other setting raises it too,
# also one that worked before. Seen 2026-11-28.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyserial==3.5
cat > "$folder/seen.py" <<'PY'
import os, socket, threading
import serial, serial.rfc2217

print("pyserial", serial.__version__)
main, other = os.openpty()


class Pty(serial.Serial):
    """A terminal of the kernel in place of a port: it has no modem lines."""

    cts = dsr = ri = cd = False
    _update_rts_state = _update_dtr_state = lambda self: None


def serve(server):
    client, _ = server.accept()
    port = Pty(os.ttyname(other), timeout=0.1)

    class Connection:
        write = staticmethod(client.sendall)

    manager = serial.rfc2217.PortManager(port, Connection())
    while data := client.recv(1024):
        for byte in manager.filter(data):
            port.write(byte)


server = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=serve, args=(server,), daemon=True).start()
port = serial.serial_for_url("rfc2217://127.0.0.1:%d" % server.getsockname()[1], timeout=3)
port.baudrate = 57600
print("baudrate before:", port.baudrate)


def refused(name, value):
    try:
        setattr(port, name, value)
    except NotImplementedError as error:
        print(f"{name} = {value}: NotImplementedError({error})")
        return True
    return False


first = refused("write_timeout", 1)
print("write_timeout is kept:", port.write_timeout)
later = refused("baudrate", 115200)
kept = port.write_timeout
port.close()
if not (first and later and kept == 1):
    raise SystemExit("no longer so")
print("seen: one refused setting spoils the ones after it")
PY
timeout 60 "$folder/venv/bin/python" "$folder/seen.py"
