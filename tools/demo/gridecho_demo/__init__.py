"""The whole system on one machine: a remote, relays behind delays, sensors on virtual boards, and a count of every reading."""
