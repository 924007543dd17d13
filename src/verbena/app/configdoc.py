"""The sample configuration and the manual's page of it, generated from ``app.config``."""

from collections.abc import Iterator
from dataclasses import Field, fields
from typing import cast

from verbena.app.config import KIB, SECTIONS, Config, Setting, Submission, Trusted, default_of, setting_of

TRUSTED = 'submission.trusted."imap.example.org".'
_HEAD = """# Verbena's configuration. Every key is optional; what is commented out shows the default or an example.
# The way to a file or folder starts where this file is, or at "/".
"""
_PAGE_HEAD = """# Configuration

`verbena.toml` is TOML; `verbena config sample` prints one with every key. All keys are optional. An unknown
key, a wrong type or a value out of bounds stops the start with a sentence that says which. Sizes are octets
and may be written as `"100 MiB"`. The way to a file or folder starts where the configuration is, or at `/`.
This page is generated from `src/verbena/app/config.py`.
"""


def sample(values: dict[str, object] | None = None) -> str:
    """A whole ``verbena.toml``; keys in ``values`` (``section.key``) are set, all others commented out."""
    given = values or {}
    lines = [_HEAD]
    for prefix, doc, items in _groups():
        if prefix:
            lines += [f"\n# {doc}", f"#[{prefix[:-1]}]" if prefix == TRUSTED else f"[{prefix[:-1]}]"]
        for item in items:
            setting = setting_of(item)
            lines.append(f"# {setting.sentence}{_bounds(setting)}")
            name = prefix + item.name
            if name in given:
                lines.append(f"{item.name} = {_toml(given[name], setting)}")
            else:
                lines.append(f"#{item.name} = {_toml(default_of(item), setting)}")
    return "\n".join(lines) + "\n"


def page() -> str:
    """``docs/configuration.md``."""
    lines = [_PAGE_HEAD]
    for prefix, doc, items in _groups():
        lines += [f"\n## {'[' + prefix[:-1] + ']' if prefix else 'Top level'}\n", f"{doc}\n"]
        lines += ["| Key | Meaning | Default | Bounds |", "| --- | --- | --- | --- |"]
        for item in items:
            setting = setting_of(item)
            default = default_of(item)
            shown = "none" if default is None or default in ((), "") else f"`{_toml(default, setting)}`"
            bounds = _bounds(setting).removeprefix(" (").removesuffix(").").removesuffix(")")
            lines.append(f"| `{item.name}` | {setting.sentence} | {shown} | {bounds} |")
    return "\n".join(lines) + "\n"


def _groups() -> Iterator[tuple[str, str, list["Field[object]"]]]:
    kinds: dict[str, type[object]] = {"": Config}
    for name, section in SECTIONS.items():
        kinds[f"{name}."] = section
        if section is Submission:
            kinds[TRUSTED] = Trusted
    for prefix, kind in kinds.items():
        items = [item for item in fields(cast("type[Config]", kind)) if "setting" in item.metadata]
        yield prefix, (kind.__doc__ or "").strip(), items


def _bounds(setting: Setting) -> str:
    if setting.choices:
        return f" ({', '.join(setting.choices)})"
    if setting.low is None or setting.high is None:
        return ""
    return f" ({_amount(setting.low, setting)} to {_amount(setting.high, setting)} {setting.unit})"


def _amount(value: float, setting: Setting) -> str:
    if setting.unit == "octets" and value >= KIB:
        return _size(int(value))
    return f"{value:g}" if value < 1_000_000 else str(int(value))


def _size(octets: int) -> str:
    for unit, factor in (("GiB", KIB**3), ("MiB", KIB**2), ("KiB", KIB)):
        if octets >= factor and octets % factor == 0:
            return f"{octets // factor} {unit}"
    return str(octets)


def _toml(value: object, setting: Setting) -> str:
    if value is None or value in ((), ""):
        return f'"{setting.example}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f'"{_size(value)}"' if setting.unit == "octets" else str(value)
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_toml(entry, setting) for entry in value) + "]"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
