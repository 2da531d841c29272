from gridecho_node.app import start

ready = start()
del start  # it is needed once
if ready:
    sensor, port, watchdog = ready
    sensor.run(port, watchdog)
