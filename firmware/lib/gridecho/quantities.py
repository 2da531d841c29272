"""What a reading can hold: each quantity's code on the wire, its OBIS name (IEC 62056-61), unit and name in our code.

A code is a bit number in a datagram's quantity mask and is never given to another quantity. Codes from 40 on are the
sensor's own state, not the meter's: a sensor needs their numbers only, their names are in `states`.
"""

# code: (OBIS register or a name of ours, unit, field name)
QUANTITIES = {
    0: ("1-0:1.8.0", "Wh", "energy_import_wh"),
    1: ("1-0:2.8.0", "Wh", "energy_export_wh"),
    2: ("1-0:1.7.0", "W", "power_import_w"),
    3: ("1-0:2.7.0", "W", "power_export_w"),
    4: ("1-0:32.7.0", "mV", "voltage_l1_mv"),
    5: ("1-0:52.7.0", "mV", "voltage_l2_mv"),
    6: ("1-0:72.7.0", "mV", "voltage_l3_mv"),
    7: ("1-0:31.7.0", "mA", "current_l1_ma"),
    8: ("1-0:51.7.0", "mA", "current_l2_ma"),
    9: ("1-0:71.7.0", "mA", "current_l3_ma"),
    10: ("1-0:13.7.0", "1/1000", "power_factor_milli"),
    11: ("1-0:14.7.0", "mHz", "frequency_mhz"),
}
MAX_CODE = 55  # eight varint bytes hold a mask of 56 bits

CODE_OF = {obis: code for code, (obis, _unit, _field) in QUANTITIES.items()}

ENERGY_IMPORT, ENERGY_EXPORT, POWER_IMPORT, POWER_EXPORT = 0, 1, 2, 3
VOLTAGE_L1, CURRENT_L1, POWER_FACTOR, FREQUENCY = 4, 7, 10, 11
FIRST_STATE_CODE = 40
ROUTE_RELAY, ROUTE_RTT = 40, 41
CONFIG_VERSION, FIRMWARE_VERSION, RESET_CAUSE, SPOOLED, LOST = 42, 43, 44, 45, 46
METER_BAD, HEAP_FREE, REJOINS, REFUSED, ORDER_FAILED = 47, 48, 49, 50, 51


def is_state(code: int) -> bool:
    """Whether the code is the sensor's own state (its route, say) and not something a meter measured."""
    return code >= FIRST_STATE_CODE
