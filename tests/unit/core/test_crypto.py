"""CMAC, SIV and the KDF against their standards' own vectors: the pure constructions and what `crypto` chose on this runtime."""

import json
import unittest

from gridecho import cmac, crypto, siv
from gridecho.errors import AuthError, MisuseError

VECTORS = __file__.rsplit("/", 3)[0] + "/vectors/"
MESSAGE = bytes.fromhex(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)
AES128_KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
AES256_KEY = bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")

# RFC 5297 A.1: one string of associated data, as ours. A.2 has three and a nonce: S2V over several strings is not built.
SIV_KEY = bytes.fromhex("fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
SIV_ASSOCIATED = bytes.fromhex("101112131415161718191a1b1c1d1e1f2021222324252627")
SIV_PLAIN = bytes.fromhex("112233445566778899aabbccddee")
SIV_SEALED = bytes.fromhex("85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c")
# OpenSSL's vector of AES-256-SIV (evpciph_aes_siv.txt; the same inputs, two keys of 32 bytes).
SIV_KEY_512 = bytes.fromhex(
    "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
    "f0f1f2f3f4f5f6f7f8f9fafbfcfdfefffffefdfcfbfaf9f8f7f6f5f4f3f2f1f0"
)
SIV_SEALED_512 = bytes.fromhex("724dfb2eaf94dbb19b0ba3a299a0801ef3b05a55498ec2552690b89810e4")


class CmacVectors:
    def check(self, key, outputs):
        for length, output in outputs:
            with self.subTest(length=length):
                self.assertEqual(self.Cmac(key).tag(MESSAGE[:length]), bytes.fromhex(output))

    def test_rfc_4493_aes_128(self):
        self.check(
            AES128_KEY,
            (
                (0, "bb1d6929e95937287fa37d129b756746"),
                (16, "070a16b46b4d4144f79bdd9dd04a287c"),
                (40, "dfa66747de9ae63030ca32611497c827"),
                (64, "51f0bebf7e3b9d92fc49741779363cfe"),
            ),
        )

    def test_sp_800_38b_aes_256(self):
        self.check(
            AES256_KEY,
            (
                (0, "028962f61b7bf89efc6b551f4667d983"),
                (16, "28a7023f452e8f82bd4bf28d8c37c35c"),
                (40, "aaf3d8f1de5640c232f5b169b9c911e6"),
                (64, "e1992190549f6ed5696a2c056c315410"),
            ),
        )

    def test_one_object_tags_many_times(self):
        mac = self.Cmac(AES128_KEY)
        first = mac.tag(MESSAGE)
        mac.tag(b"another")
        self.assertEqual(mac.tag(MESSAGE), first)

    def test_a_key_of_a_wrong_length_is_misuse(self):
        for length in (0, 15, 17, 24, 31, 33, 64):
            with self.subTest(length=length):
                with self.assertRaises(MisuseError):
                    self.Cmac(bytes(length))


class PureCmac(CmacVectors, unittest.TestCase):
    Cmac = cmac.Cmac

    def test_rfc_4493_subkeys(self):
        k1 = cmac.double(bytes.fromhex("7df76b0c1ab899b33e42f047b91b546f"))
        self.assertEqual(k1, bytes.fromhex("fbeed618357133667c85e08f7236a8de"))
        self.assertEqual(cmac.double(k1), bytes.fromhex("f7ddac306ae266ccf90bc11ee46d513b"))

    def test_same(self):
        self.assertTrue(cmac.same(b"", b""))
        self.assertTrue(cmac.same(MESSAGE, bytes(bytearray(MESSAGE))))
        self.assertFalse(cmac.same(MESSAGE, MESSAGE[:-1]))
        self.assertFalse(cmac.same(b"", b"\x00"))
        for bit in range(128):
            other = bytearray(MESSAGE[:16])
            other[bit // 8] ^= 1 << bit % 8
            self.assertFalse(cmac.same(MESSAGE[:16], bytes(other)))


class RuntimeCmac(CmacVectors, unittest.TestCase):
    Cmac = crypto.Cmac


class SivVectors:
    def test_rfc_5297_a_1(self):
        box = self.Siv(SIV_KEY)
        self.assertEqual(box.seal(SIV_PLAIN, SIV_ASSOCIATED), SIV_SEALED)
        self.assertEqual(box.open(SIV_SEALED, SIV_ASSOCIATED), SIV_PLAIN)

    def test_openssl_aes_256_siv(self):
        box = self.Siv(SIV_KEY_512)
        self.assertEqual(box.seal(SIV_PLAIN, SIV_ASSOCIATED), SIV_SEALED_512)
        self.assertEqual(box.open(SIV_SEALED_512, SIV_ASSOCIATED), SIV_PLAIN)

    def test_every_bit_flip_is_refused(self):
        box = self.Siv(SIV_KEY)
        whole = SIV_ASSOCIATED + SIV_SEALED
        for bit in range(len(whole) * 8):
            other = bytearray(whole)
            other[bit // 8] ^= 1 << bit % 8
            with self.assertRaises(AuthError):
                box.open(bytes(other[24:]), bytes(other[:24]))

    def test_cut_short_and_with_a_tail_is_refused(self):
        box = self.Siv(SIV_KEY)
        for length in range(len(SIV_SEALED)):
            with self.assertRaises(AuthError):
                box.open(SIV_SEALED[:length], SIV_ASSOCIATED)
        with self.assertRaises(AuthError):
            box.open(SIV_SEALED + b"\x00", SIV_ASSOCIATED)
        with self.assertRaises(AuthError):
            box.open(SIV_SEALED, SIV_ASSOCIATED + b"\x00")

    def test_all_lengths_there_and_back(self):
        box = self.Siv(SIV_KEY)
        for length in range(1, 66):
            data = (MESSAGE + MESSAGE)[:length]
            sealed = box.seal(data, MESSAGE[:20])
            self.assertEqual(len(sealed), length + 16)
            self.assertEqual(box.open(sealed, MESSAGE[:20]), data)

    def test_a_key_of_a_wrong_length_is_misuse(self):
        for length in (0, 16, 31, 33, 48, 63, 65):
            with self.subTest(length=length):
                with self.assertRaises(MisuseError):
                    self.Siv(bytes(length))


class PureSiv(SivVectors, unittest.TestCase):
    Siv = siv.Siv


class RuntimeSiv(SivVectors, unittest.TestCase):
    Siv = crypto.Siv


class Kdf(unittest.TestCase):
    def test_nist_cavp_counter_mode(self):
        # SP 800-108, counter mode, PRF CMAC-AES128 and CMAC-AES256, counter of 32 bits before the fixed data.
        tried = 0
        with open(VECTORS + "kdf_nist.json") as lines:
            for line in lines:
                if not line.startswith("{"):
                    continue
                vector = json.loads(line.rstrip(",\n"))
                fixed, out = bytes.fromhex(vector["fixed"]), bytes.fromhex(vector["out"])
                self.assertEqual(crypto.kdf_ctr(bytes.fromhex(vector["key"]), fixed, len(out)), out)
                tried += 1
        self.assertEqual(tried, 80)

    def test_fixed_input(self):
        # label || 00 || context || length in bits: the layout that SP 800-108r1 proposes.
        self.assertEqual(
            crypto.derive(AES256_KEY, b"label", b"\x00context", 40),
            crypto.kdf_ctr(AES256_KEY, b"label\x00\x00context\x00\x00\x01\x40", 40),
        )

    def test_a_longer_key_is_not_a_prefix_of_another(self):
        # The length is part of the input, so keys of two lengths have nothing in common.
        self.assertNotEqual(crypto.derive(AES128_KEY, b"l", b"c", 32)[:16], crypto.derive(AES128_KEY, b"l", b"c", 16))

    def test_misuse(self):
        for key, label, length in (
            (AES128_KEY, b"a\x00b", 16),
            (AES128_KEY, b"a", 0),
            (AES128_KEY, b"a", -1),
            (AES128_KEY, b"a", 256),
            (AES128_KEY[1:], b"a", 16),
        ):
            with self.assertRaises(MisuseError):
                crypto.derive(key, label, b"", length)
        self.assertEqual(len(crypto.derive(AES128_KEY, b"a", b"", 255)), 255)
