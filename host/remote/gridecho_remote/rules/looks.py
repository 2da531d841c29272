"""Which looks at a sensor's readings there are, and what the person is told of them whose readings they were."""

LOOKS = {
    "summary.summary": "the newest readings and the last day, in the overview",
    "sensors.mine": "the newest reading, in a list",
    "sensors.look": "the newest reading",
    "sensors.latest": "the newest reading",
    "sensors.readings": "readings",
    "sensors.thinned": "a curve",
    "sensors.energy": "energy",
    "sensors.export": "readings",
    "green.export": "energy and power",
    "sensors.undated_readings": "readings without a time",
    "sensors.undated_export": "readings without a time",
    "sensors.live": "readings as they came",
    "sensors.gaps": "what is missing",
    "sensors.routes": "which way readings came",
}
