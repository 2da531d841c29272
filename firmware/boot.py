# Runs first at every start. Collect early: an ESP32 has one heap of about 148 KB once Wi-Fi is up.
import gc

gc.threshold(16 * 1024)
