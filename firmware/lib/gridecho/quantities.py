"""What a reading can hold, as codes on the wire; their names and units are in `registers` and `states`.

A code is a bit number in a datagram's quantity mask and is never given to another quantity. Codes from 40 on are the
sensor's own state, not the meter's.
"""

MAX_CODE = 55  # eight varint bytes hold a mask of 56 bits

ENERGY_IMPORT, ENERGY_EXPORT, POWER_IMPORT, POWER_EXPORT = 0, 1, 2, 3
VOLTAGE_L1, CURRENT_L1, POWER_FACTOR, FREQUENCY = 4, 7, 10, 11
FIRST_STATE_CODE = 40
ROUTE_RELAY, ROUTE_RTT = 40, 41
CONFIG_VERSION, FIRMWARE_VERSION, RESET_CAUSE, SPOOLED, LOST = 42, 43, 44, 45, 46
METER_BAD, HEAP_FREE, REJOINS, REFUSED, ORDER_FAILED = 47, 48, 49, 50, 51
