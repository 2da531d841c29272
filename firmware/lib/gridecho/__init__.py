"""The shared core of gridecho: bytes, times and events in; bytes and events out. No socket, no clock, no file.

The same files run on the sensor (MicroPython) and on the relay, the remote and the tools (CPython).
"""
