"""A client of the remote's API, for programs: what somebody may see, as arrays, as a pandas frame, or as a file.

from gridecho_client import Client

client = Client("https://readings.example", token_file="reader.token")
for sensor in client.sensors():
    table = client.read(sensor.id, begin, end, ["1-0:1.8.0"], resolution="hour")
    print(table.times, list(table.columns["1-0:1.8.0"]), table.holes)
"""

from .asking import AnswerError, ClientError, RefusedError, UnreachableError
from .client import RESOLUTIONS, Client, Quantity, Sensor
from .files import Downloaded
from .table import Column, Hole, Table

__all__ = (
    "RESOLUTIONS",
    "AnswerError",
    "Client",
    "ClientError",
    "Column",
    "Downloaded",
    "Hole",
    "Quantity",
    "RefusedError",
    "Sensor",
    "Table",
    "UnreachableError",
)
