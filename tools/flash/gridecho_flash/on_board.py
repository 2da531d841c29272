# Runs on the board, sent over its port by link.py: kept small, for a technician waits while it travels at 115,200 baud.
import binascii
import gc
import hashlib
import json
import os
import sys

os.chdir("/")
sys.path.insert(0, "/lib")  # what a cable writes, whichever slot an order put in force
_view = memoryview(bytearray(1024))


def _beat():
    # A step of the file system is over: the board lives.
    sys.stdout.write("\x06")


def _sha(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while n := file.readinto(_view):
            _beat()
            digest.update(_view[:n])
    return binascii.hexlify(digest.digest()).decode()


def _walk(folder):
    for entry in os.ilistdir(folder):
        _beat()
        path = folder + "/" + entry[0]
        if entry[1] & 0x4000:
            yield from _walk(path)
        else:
            yield path


def _read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def look(extra):
    """Prints JSON of the board, then for each file [path, bytes, SHA-256 or null]; those of / that `extra` names are hashed too."""
    import machine

    gc.collect()
    try:
        config = json.loads(_read("config.json") or b"")
        config = {key: config.get(key) for key in ("sensor_id", "key_id")}
    except (ValueError, AttributeError):
        config = {}
    _beat()
    key, waiting = check("key"), check("key.new")
    gc.collect()
    _beat()
    disk = os.statvfs("/")
    about = sys.implementation
    print(
        json.dumps(
            {
                "name": about[0],
                "version": list(about[1][:3]),
                "mpy": getattr(about, "_mpy", 0) & 255,
                "machine": getattr(about, "_machine", sys.platform),
                "id": binascii.hexlify(machine.unique_id()).decode(),
                "block_bytes": disk[0],
                "size_bytes": disk[1] * disk[2],
                "free_bytes": disk[1] * disk[4],
                "sensor_id": config.get("sensor_id"),
                "key_id": config.get("key_id"),
                "key": key,
                "waiting": waiting,
            }
        )
    )
    for entry in os.ilistdir("/"):
        _beat()
        if entry[1] & 0x4000:
            if entry[0] == "lib":
                for path in _walk("lib"):
                    print(json.dumps([path, os.stat(path)[6], _sha(path) if path[:12] == "lib/gridecho" else None]))
        else:
            print(json.dumps([entry[0], os.stat(entry[0])[6], _sha(entry[0]) if entry[0] in extra else None]))


def check(name):
    """A key's check value, as gridecho_remote.use.enrolment_files's; None: no such key, "": no firmware yet, or no key of ours."""
    key = _read(name)
    _beat()
    if key is None:
        return None
    try:
        from gridecho.crypto import derive

        return binascii.hexlify(derive(key, b"gridecho/1 check", b"", 8)).decode() if len(key) == 32 else ""
    except Exception:  # whatever half a firmware raises
        return ""


def begin(path):
    """Opens `path`.new; makes its folders."""
    global _file
    at = path.find("/")
    while at > 0:
        try:
            os.mkdir(path[:at])
        except OSError:
            pass
        _beat()
        at = path.find("/", at + 1)
    _file = open(path + ".new", "wb")


def put(base64):
    """Adds bytes."""
    _file.write(binascii.a2b_base64(base64))


def finish(path, sha):
    """Closes `path`.new and, if it is whole, renames it."""
    _file.close()
    _beat()
    if _sha(path + ".new") != sha:
        raise OSError("flash does not keep what is written to " + path)
    os.rename(path + ".new", path)


def remove(*paths):
    """Removes files, and folders of lib/gridecho* that are empty then."""
    for path in paths:
        try:
            os.remove(path)
        except OSError:
            pass
        _beat()
        folder = path.rpartition("/")[0]
        while folder[:12] == "lib/gridecho" and not os.listdir(folder):
            os.rmdir(folder)
            _beat()
            folder = folder.rpartition("/")[0]


def keep(name, base64):
    """Writes a small file whole, with `.new` left to the caller."""
    content = binascii.a2b_base64(base64)
    with open(name, "wb") as file:
        file.write(content)
    _beat()
    if _read(name) != content:
        raise OSError("flash does not keep what is written to " + name)


def erase():
    """Every block of the file system is erased, and an empty one made."""
    import vfs
    from esp32 import Partition

    part = Partition.find(Partition.TYPE_DATA, label="vfs")[0]
    vfs.umount("/")
    for block in range(part.ioctl(4, 0)):
        part.ioctl(6, block)
        _beat()
    vfs.VfsLfs2.mkfs(part)
    vfs.mount(vfs.VfsLfs2(part), "/")
