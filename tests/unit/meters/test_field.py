"""Telegrams of kinds that people reported to others' projects; they stay where they are, beside the checkout."""

import json
import unittest

from gridecho_node.meters import dsmr, han, sml

FIELD = __file__.rpartition("/")[0] + "/../../../../shared/data/field/meters.json"
PARSERS = {"dsmr": dsmr.Parser, "han": han.Parser, "sml": sml.Parser}
CODES = {
    "1-0:1.8.0 Wh": (0,),
    "1-0:1.7.0 W": (2,),
    "1-0:2.7.0 W": (3,),
    "mV L1": (4,),
    "mV L1-L3": (4, 5, 6),
    "mA L1-L3": (7, 8, 9),
}


class Field(unittest.TestCase):
    def test_each_reads_as_wanted(self):
        try:
            with open(FIELD, "rb") as file:
                telegrams = json.loads(file.read())
        except OSError:
            raise unittest.SkipTest("the telegrams are not beside this checkout, in ../shared/data/field") from None
        self.assertTrue(len(telegrams) >= 9)
        for telegram in telegrams:
            with self.subTest(name=telegram["name"]):
                parser = PARSERS[telegram["protocol"]]()
                # As a meter sends it: again and again. One without a CRC is read from the second on.
                data = bytes.fromhex(telegram["hex"]) * 2
                got = [values for at in range(0, len(data), 7) for values in parser.feed(data[at : at + 7])][-1]
                self.assertEqual(parser.bad, 0)
                for name, wanted in telegram["want"].items():
                    wanted = wanted if isinstance(wanted, list) else [wanted]
                    for i, code in enumerate(CODES[name]):
                        # A register of tenths is written down cut off in one of them; ours is rounded.
                        self.assertTrue(abs(got[code] - wanted[i]) <= (code == 0), (telegram["name"], name, got))


if __name__ == "__main__":
    unittest.main()
