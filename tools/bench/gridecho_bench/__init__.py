"""How fast things are here: `gridecho bench`, a command a part. `device` is the sensor's own work."""
