"""Lists of three makers at a Norwegian HAN port, and what they say."""

from gridecho.quantities import CURRENT_L1, ENERGY_EXPORT, ENERGY_IMPORT, POWER_EXPORT, POWER_IMPORT, VOLTAGE_L1

from tests.rigs.meter_frames import TIME, aidon, kaifa, kamstrup, short, text, unsigned

AIDON = aidon(
    (1, 7, unsigned(280), 0, 27),
    (2, 7, unsigned(0), 0, 27),
    (3, 7, unsigned(0), 0, 29),
    (31, 7, short(-12, signed=True), -1, 33),
    (51, 7, short(34, signed=True), -1, 33),
    (32, 7, short(2301), -1, 35),
    (52, 7, short(0), -1, 35),
    (1, 8, unsigned(1_234_567), 1, 30),
    (2, 8, unsigned(3), 1, 30),
)
AIDON_VALUES = {
    POWER_IMPORT: 280,
    POWER_EXPORT: 0,
    CURRENT_L1: -1200,
    CURRENT_L1 + 1: 3400,
    VOLTAGE_L1: 230_100,
    VOLTAGE_L1 + 1: 0,
    ENERGY_IMPORT: 12_345_670,
    ENERGY_EXPORT: 30,
}
KAMSTRUP_ROWS = (
    (1, 7, unsigned(1514)),
    (2, 7, unsigned(0)),
    (31, 7, unsigned(659)),
    (71, 7, unsigned(31)),
    (32, 7, short(225)),
    (52, 7, short(226)),
    (1, 8, unsigned(5_499_217)),
)
KAMSTRUP_VALUES = {
    POWER_IMPORT: 1514,
    POWER_EXPORT: 0,
    CURRENT_L1: 6590,
    CURRENT_L1 + 2: 310,
    VOLTAGE_L1: 225_000,
    VOLTAGE_L1 + 1: 226_000,
    ENERGY_IMPORT: 54_992_170,
}
KAIFA_HEAD = (text(9, b"KFM_001"), text(9, b"6970631400000000"), text(9, b"MA304H3E"))
KAIFA_POWER = tuple(unsigned(n) for n in (3462, 0, 0, 301))
KAIFA_CURRENT = tuple(unsigned(n) for n in (10_500, 2000, 7))
KAIFA_VOLTAGE = tuple(unsigned(n) for n in (2365, 0, 2351))
KAIFA_HOUR = (text(9, TIME),) + tuple(unsigned(n) for n in (1_000_001, 20, 3, 4))
KAIFA_VALUES = {POWER_IMPORT: 3462, POWER_EXPORT: 0}
HOUR_VALUES = {ENERGY_IMPORT: 1_000_001, ENERGY_EXPORT: 20}
KAMSTRUP = kamstrup(KAMSTRUP_ROWS)
KAIFA = kaifa(*KAIFA_HEAD + KAIFA_POWER + KAIFA_CURRENT + KAIFA_VOLTAGE + KAIFA_HOUR)
