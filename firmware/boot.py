# Runs first at every start, and is never replaced over the air: it says which firmware runs. On trial (gridecho_node/update.py
# tells how one begins) it counts the starts; after three that did not end the trial, what was before is in force again.
import gc
import os
import sys

gc.threshold(16 * 1024)  # collect early: an ESP32 has one heap of about 148 KB once Wi-Fi is up


def words(name):
    try:
        with open(name) as file:
            return file.read().split()
    except (OSError, ValueError):
        return []


def on_trial(in_force, versions, kind, version, starts, new):
    if new == in_force or (kind == "config" and "config.new" not in os.listdir()):
        os.remove("trial")  # it ended well, but for this
    elif int(starts) >= 3 and (len(versions) != 2 or versions[1 if kind == "firmware" else 0] != version):
        os.rename("trial", "failed")
    else:
        with open("trial.new", "w") as file:
            file.write("%s %s %d %s" % (kind, version, int(starts) + 1, new))
        os.rename("trial.new", "trial")
        if kind == "firmware":
            return new
    return in_force


folder = "lib_b" if words("slot") == ["lib_b"] else "lib"
trial = words("trial")
if trial:
    try:
        folder = on_trial(folder, words("versions"), *trial)
    except Exception as error:  # noqa: BLE001  # whatever it is, a board starts, with what was in force before
        print("boot.py:", error)
        try:
            os.rename("trial", "failed")
        except OSError:
            pass
if folder != "lib":
    sys.path[:] = [path[:-3] + folder if path[-4:] == "/lib" else path for path in sys.path]
del words, on_trial, folder, trial
