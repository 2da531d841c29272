"""Settings: one TOML file, read once into one typed object; what is wrong is said with file, key and what was expected."""

import re
import tomllib
from pathlib import Path
from typing import Annotated, TypeVar

import click
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError


class SettingsError(click.ClickException):
    """A settings file that cannot be used; a command that meets it ends with exit code 2."""

    exit_code = 2


class Settings(BaseModel):
    """The base of every settings object: unknown keys and wrong types are errors, nothing is coerced."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def split_address(address: str) -> tuple[str, int]:
    """(host, port) of `host:port` or `[v6]:port`. Raises ValueError."""
    host, colon, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError('an address as "host:port" was expected')
    return host, int(port)


def _checked_address(address: str) -> str:
    split_address(address)
    return address


Address = Annotated[str, AfterValidator(_checked_address)]
S = TypeVar("S", bound=Settings)


def without_passwords(text: str) -> str:
    """`text` with the passwords of URLs left out."""
    text = re.sub(r"(://[^:/@\s]*:)[^\s]*@", r"\1***@", text)
    return re.sub(r"(password=)[^&\s]*", r"\1***", text)


def read_settings(path: Path, model: type[S]) -> S:
    """The settings in the TOML file at `path`. Raises SettingsError with one line for each thing that is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: not a TOML file: {error}") from None
    return parse_settings(path, text, model)


def parse_settings(path: Path, text: str, model: type[S]) -> S:
    """The settings in `text`, which is or will be at `path`. Raises SettingsError as above."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: not a TOML file: {error}") from None
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise SettingsError("\n".join(f"{path}: {line}" for line in _explain(error, model))) from None


def _explain(error: ValidationError, model: type[Settings]) -> list[str]:
    lines = []
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"] if part != "[key]")  # a table's own key: it is named before
        if problem["type"] == "extra_forbidden":
            known = ", ".join(sorted(model.model_fields))
            lines.append(f'unknown key "{key}"; known keys are: {known}')
        elif problem["type"] == "missing":
            lines.append(f'the key "{key}" is missing')
        else:
            said = problem["msg"].removeprefix("Value error, ")
            said = said[0].lower() + said[1:]
            lines.append(
                f'"{key}": {said}, not {without_passwords(repr(problem["input"]))}' if problem["loc"] else said
            )
    return lines
