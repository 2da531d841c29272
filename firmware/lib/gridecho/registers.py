"""What a meter measures, by name: OBIS register (IEC 62056-61), unit, field name. Apart from the codes, to save a board's heap."""

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

CODE_OF = {obis: code for code, (obis, _unit, _field) in QUANTITIES.items()}
