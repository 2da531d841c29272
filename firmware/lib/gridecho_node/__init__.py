"""The sensor: reads a meter, tags and seals the readings, and brings each one to the fastest relay until it is acknowledged."""
