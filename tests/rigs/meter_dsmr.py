"""A P1 telegram of a meter of version 5, and what it says."""

from gridecho.quantities import CURRENT_L1, ENERGY_EXPORT, ENERGY_IMPORT, POWER_EXPORT, POWER_IMPORT, VOLTAGE_L1

LINES = (
    "1-3:0.2.8(50)",
    "0-0:1.0.0(251105123456W)",
    "1-0:1.8.1(001234.567*kWh)",
    "1-0:1.8.2(000765.433*kWh)",
    "1-0:2.8.1(000010.001*kWh)",
    "1-0:2.8.2(000020.002*kWh)",
    "0-0:96.14.0(0002)",
    "1-0:1.7.0(01.193*kW)",
    "1-0:2.7.0(00.000*kW)",
    "1-0:99.97.0(1)(0-0:96.7.19)(000104180320W)(0000237126*s)",
    "1-0:32.7.0(220.1*V)",
    "1-0:31.7.0(001*A)",
    "0-1:24.2.1(170102161005W)(00000.107*m3)",
)
VALUES = {
    ENERGY_IMPORT: 2_000_000,
    ENERGY_EXPORT: 30_003,
    POWER_IMPORT: 1193,
    POWER_EXPORT: 0,
    VOLTAGE_L1: 220_100,
    CURRENT_L1: 1000,
}
