"""What the relay and the remote both need at their edges: settings from a file, logging, listening addresses."""
