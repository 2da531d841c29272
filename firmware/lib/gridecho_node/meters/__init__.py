"""Meters: each module gives readings as integers under the quantity codes of `gridecho.quantities`."""
