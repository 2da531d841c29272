import os
import sys
import time

try:
    if "trial" in os.listdir():
        # What is new may hang before it has a watchdog; once it runs it feeds this one, which outlasts every start.
        from machine import WDT

        WDT(timeout=300000)
    from gridecho_node.app import start

    ready = start()
    del start  # it is needed once
    if ready:
        sensor, port, watchdog = ready
        sensor.run(port, watchdog)
    elif "trial" in os.listdir():
        raise OSError("what is on trial cannot start")
except Exception as error:  # noqa: BLE001  # the outermost loop
    # Nobody may be there to see it: the sensor starts anew, after a moment in which Ctrl-C leads to the REPL.
    import machine

    getattr(sys, "print_exception", print)(error)
    time.sleep(10)
    machine.reset()
