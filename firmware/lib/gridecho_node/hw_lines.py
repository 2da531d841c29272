"""The board's UARTs and pins, for the meters that have a wire. Apart from hw.py, since a sensor has one meter at most."""

import machine


def uart(  # type: ignore[no-untyped-def]
    number: int, rx: int, tx: int, baud: int, bits: int, parity: "int | None", stop: int, invert: bool
):
    """A UART that never blocks; `parity` 0 is even, 1 odd. Its 4 KB outlast the longest flash write at 115,200 baud."""
    return machine.UART(
        number,
        baudrate=baud,
        bits=bits,
        parity=parity,
        stop=stop,
        rx=rx,
        tx=tx,
        rxbuf=4096,
        timeout=0,
        invert=machine.UART.INV_RX if invert else 0,
    )


def pulses(pin: int, pull_up: bool, handler):  # type: ignore[no-untyped-def]
    """A pin that calls `handler(pin)` at each pulse: low where it pulls up, high where it pulls down. `irq(None)` ends it."""
    wired = machine.Pin(pin, machine.Pin.IN, machine.Pin.PULL_UP if pull_up else machine.Pin.PULL_DOWN)
    wired.irq(handler, machine.Pin.IRQ_FALLING if pull_up else machine.Pin.IRQ_RISING)
    return wired
