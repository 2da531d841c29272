"""Telegrams of real meters, written down by others; they stay where they are, beside the checkout."""

import json
import unittest

from gridecho.registers import CODE_OF
from gridecho_node.meters import dlt645, dsmr, han, pzem

from tests.rigs.meter_frames import hdlc

SAMPLES = __file__.rpartition("/")[0] + "/../../../../shared/data/meters/"
FACTORS = {"kWh": 1000, "kW": 1000, "V": 1000, "A": 1000}


def read(name):
    try:
        with open(SAMPLES + name, "rb") as file:
            return file.read()
    except OSError:
        raise unittest.SkipTest("the samples are not beside this checkout, in ../shared/data/meters") from None


def milli(decimal):
    """A decimal number's text as thousandths; exact."""
    whole, _, fraction = decimal.partition(".")
    return int(whole + (fraction + "000")[:3])


class Samples(unittest.TestCase):
    def exactly(self, make, data, want):
        """Whole, byte by byte, twice, and after junk: these values each time."""
        self.assertEqual(make().feed(data), want)
        parser = make()
        self.assertEqual([values for byte in data for values in parser.feed(bytes((byte,)))], want)
        self.assertEqual((parser.good, parser.bad), (1, 0))
        self.assertEqual(make().feed(data * 2), want * 2)
        self.assertEqual(make().feed(b"\x00junk\xff" + data), want)
        parser = make()
        parser.feed(data[: len(data) // 2])
        for _ in range(16):
            readings = parser.feed(data)
        self.assertEqual(readings, want)

    def test_dsmr(self):
        for name in ("TELEGRAM_V5", "TELEGRAM_V4_2", "TELEGRAM_FLUVIUS_V171"):
            with self.subTest(name=name):
                lines = json.loads(read("dsmr/" + name + ".expected.json"))["lines"]
                want = {}
                for register, groups in lines.items():
                    number, _, unit = groups[0][0].partition("*")
                    code = CODE_OF.get(register)
                    if code is not None:
                        want[code] = milli(number)
                        self.assertIn(unit, FACTORS)
                for code in (0, 1):
                    tariffs = [lines["1-0:%d.8.%d" % (code + 1, tariff)][0][0] for tariff in (1, 2)]
                    want[code] = sum(milli(one.partition("*")[0]) for one in tariffs)
                self.assertTrue(len(want) >= 7)
                self.exactly(dsmr.Parser, read("dsmr/" + name + ".txt"), [want])

    def test_dlt645(self):
        codes = {"forward active energy": (0, 1), "voltage A": (4, 1)}
        for frame in json.loads(read("dlt645/frames.json")):
            with self.subTest(id=frame["id"]):
                decoded = frame["decoded"]
                want = []
                if "values" in decoded:
                    want = [{codes[decoded["name"]][0]: milli(decoded["values"][0])}]
                data = bytes.fromhex(frame["hex"])
                for address in (dlt645.ANY, decoded["addr"]):
                    self.exactly(lambda address=address: dlt645.Parser(address), data, want)
                if decoded["ctrl"] == "11":
                    parser = dlt645.Parser(decoded["addr"])
                    asked = [parser.request(number) for number in range(7)]
                    self.assertIn(b"\xfe\xfe\xfe\xfe" + data, asked)

    def test_pzem(self):
        reply, request = json.loads(read("modbus/frames.json"))
        codes = {"voltage_V": 4, "current_A": 7, "power_W": 2, "energy_Wh": 0, "frequency_Hz": 11, "power_factor": 10}
        want = {}
        for name, code in codes.items():
            number = round(reply["decoded"][name] * 1000)
            want[code] = number if code >= 4 else (number + 500) // 1000
        for address in (pzem.ANY, reply["addr"]):
            self.exactly(lambda address=address: pzem.Parser(address), bytes.fromhex(reply["hex"]), [want])
        self.assertEqual(pzem.Parser(1).request(0), bytes.fromhex(request["hex"]))

    def test_han(self):
        for frame in json.loads(read("dlms/frames.json")):
            with self.subTest(name=frame["name"]):
                pdu = bytes.fromhex(frame["hex"])
                want = {2: frame["expected"]["active_power_import"]}
                self.assertEqual(han.list_values(pdu), want)
                self.exactly(han.Parser, hdlc(pdu), [want])


if __name__ == "__main__":
    unittest.main()
