"""`network` of a virtual board: a station that joins any network at once; its address is the PC's loopback."""

import board_link

STA_IF = 0
AP_IF = 1
STAT_IDLE = 1000
STAT_CONNECTING = 1001
STAT_GOT_IP = 1010

_ADDRESS = ("127.0.0.1", "255.0.0.0", "127.0.0.1", "127.0.0.1")


def hostname(name=None):
    """The name of the board on its network."""
    return "mpy-esp32" if name is None else None


class WLAN:
    """The station or the access point; as on a board every object of one interface shows the same state."""

    IF_STA = STA_IF
    IF_AP = AP_IF
    _state = {STA_IF: {}, AP_IF: {}}  # noqa: RUF012

    def __init__(self, interface_id=STA_IF):
        self._now = WLAN._state[interface_id]

    def active(self, is_active=None):
        """Whether the radio is on, or turns it on or off."""
        if is_active is None:
            return self._now.get("active", False)
        self._now["active"] = bool(is_active)
        if not is_active:
            self.disconnect()
        return None

    def connect(self, ssid=None, key=None, bssid=None):
        """Joins at once. OSError if the radio is off, as on a board."""
        if not self.active():
            raise OSError("Wifi Not Started")
        self._now["ssid"] = ssid or ""

    def disconnect(self):
        """Leaves the network."""
        self._now.pop("ssid", None)

    def isconnected(self):
        """Whether a network was joined."""
        return "ssid" in self._now

    def status(self, param=None):
        """A STAT_ number, or the signal strength in dBm for "rssi"."""
        if param == "rssi":
            return -50
        return STAT_GOT_IP if self.isconnected() else STAT_IDLE

    def ifconfig(self, config=None):
        """(address, netmask, gateway, DNS server)"""
        if config is not None:
            return None
        return _ADDRESS if self.isconnected() else ("0.0.0.0",) * 4  # noqa: S104  # nosec B104  # what a board says that is not connected

    def ipconfig(self, param=None, **settings):
        """The parts of `ifconfig` by name: "addr4" (address, netmask), "gw4", "dhcp4"."""
        address = self.ifconfig()
        known = {"addr4": address[:2], "gw4": address[2], "dhcp4": True}
        return known[param] if param else None

    def config(self, param=None, **settings):
        """ "mac", "ssid" and what was set by name."""
        if param is None:
            self._now.update(settings)
            return None
        if param == "mac":
            return board_link.mac
        if param in ("ssid", "essid"):
            return self._now.get("ssid", "")
        return self._now[param]

    def scan(self):
        """No network in reach tells its name."""
        return []
