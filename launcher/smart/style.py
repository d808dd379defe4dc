"""An EHR's own look (SMART App Launch 2.2, "Styling", `smart_style_url`), turned into CSS that can do no harm.

Nothing of what came is copied: colors and lengths are read as numbers and written anew, font names consist of letters,
digits, spaces and hyphens. The CSS sets custom properties of its own (`--ehr-…`), which our style sheet uses where it
does no harm. So an EHR cannot touch the banner, status colors, warnings or the focus ring.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from launcher.smart.strict_json import JsonError, JsonValue, parse

Color = tuple[int, int, int]

LEAST_CONTRAST = 4.5
"""For text against what it stands on (WCAG 2.2, 1.4.3)."""

OUR_BACKGROUND: Color = (0xF3, 0xF5, 0xF8)
OUR_SURFACE: Color = (0xFF, 0xFF, 0xFF)
OUR_TEXT: Color = (0x17, 0x21, 0x2B)
OUR_MUTED: Color = (0x4A, 0x57, 0x63)
OUR_ACCENT: Color = (0x0B, 0x5C, 0xAD)
"""What an EHR's colors stand beside: the light values of `--bg`, `--surface`, `--text`, `--muted` and `--accent`."""

PROPERTIES = (
    "color_background",
    "color_error",
    "color_highlight",
    "color_modal_backdrop",
    "color_success",
    "color_text",
    "dim_border_radius",
    "dim_font_size",
    "dim_spacing_size",
    "font_family_body",
    "font_family_heading",
)
"""All that the standard names. Errors and successes keep our colors, and there is no modal window with a backdrop."""

_COLORS = {
    "color_background": "--ehr-background",
    "color_text": "--ehr-text",
    "color_highlight": "--ehr-highlight",
}
_VARIABLES = {
    "font_family_body": "--ehr-font-body",
    "font_family_heading": "--ehr-font-heading",
    "dim_border_radius": "--ehr-radius",
    "dim_font_size": "--ehr-font-size",
    "dim_spacing_size": "--ehr-spacing",
}

_HEX = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE | re.ASCII)
_RGB = re.compile(r"rgb\( *([0-9]{1,3}) *(?:, *| )([0-9]{1,3}) *(?:, *| )([0-9]{1,3}) *\)", re.IGNORECASE | re.ASCII)
_PIXELS = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,3})?)px", re.ASCII)
_FONT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9 -]{0,59}", re.ASCII)
_FONTS_MOST = 10
_TEXT_MOST = 500
_GENERIC = {"serif", "sans-serif", "monospace", "system-ui", "ui-serif", "ui-sans-serif", "ui-monospace", "ui-rounded"}
# They show pictures in the place of letters and digits.
_PICTURES = {"marlett", "symbol", "webdings", "wingdings", "wingdings 2", "wingdings 3", "zapf dingbats"}


@dataclass(frozen=True, slots=True)
class Style:
    """The CSS ("" when nothing could be taken over) and the standard's names of what was sent but not taken over."""

    css: str
    refused: tuple[str, ...] = ()


def read_style(body: bytes) -> Style:
    """Make CSS of the JSON at a `smart_style_url`.

    Lengths are brought within bounds (font 12 to 20 px, corners 0 to 16 px, spacing 4 to 32 px); a color that leaves
    text with less contrast than 4.5:1 is refused, as is every value that is not exactly of its kind. Empty values and
    names that the standard does not know are passed over. Raises ValueError for what is no JSON object.
    """
    try:
        document = parse(body)
    except JsonError as error:
        raise ValueError(f"not acceptable JSON ({error.reason})") from None
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")
    texts = {name: _text(document[name]) for name in PROPERTIES if document.get(name) not in (None, "")}
    colors = _readable({name: found for name in _COLORS if (found := _color(texts.get(name, "")))})
    others = {name: css for name, read in _READERS.items() if (css := read(texts.get(name, "")))}
    refused = tuple(name for name in texts if name not in colors and name not in others)
    return Style(_css(colors, others), refused)


def contrast(one: Color, other: Color) -> float:
    """The contrast ratio of two colors, from 1 to 21 (WCAG 2.2, "contrast ratio")."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: Color) -> float:
    red, green, blue = (_linear(part / 255) for part in color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)


def _text(value: JsonValue) -> str:
    """A text as it is meant: the standard's own example ends one of its values with a semicolon."""
    if not isinstance(value, str) or len(value) > _TEXT_MOST:
        return ""
    return value.strip(" ").removesuffix(";").rstrip(" ")


def _color(text: str) -> Color | None:
    """`#rgb`, `#rrggbb` or `rgb(r, g, b)`; nothing translucent: its contrast would depend on what lies behind."""
    if _HEX.fullmatch(text):
        digits = text[1:] if len(text) == 7 else "".join(digit * 2 for digit in text[1:])
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)
    match = _RGB.fullmatch(text)
    if match is None:
        return None
    red, green, blue = (int(part) for part in match.groups())
    return (red, green, blue) if max(red, green, blue) < 256 else None


def _readable(colors: Mapping[str, Color]) -> dict[str, Color]:
    """Those that go together, and with those of ours that stay: both of a pair are refused that cannot be read."""
    kept = {
        name: color
        for name, color in colors.items()
        if name == "color_background" or _can_be_read(color, on=OUR_SURFACE)
    }
    background = kept.get("color_background")
    if background is not None:
        if not _can_be_read(kept.get("color_text", OUR_TEXT), on=background):
            kept.pop("color_text", None)
            del kept["color_background"]
        elif not _can_be_read(OUR_MUTED, on=background):
            del kept["color_background"]
        elif not _can_be_read(kept.get("color_highlight", OUR_ACCENT), on=background):
            kept.pop("color_highlight", None)
            if not _can_be_read(OUR_ACCENT, on=background):
                del kept["color_background"]
    background = kept.get("color_background", OUR_BACKGROUND)
    return {
        name: color for name, color in kept.items() if name == "color_background" or _can_be_read(color, on=background)
    }


def _can_be_read(color: Color, *, on: Color) -> bool:
    return contrast(color, on) >= LEAST_CONTRAST


def _length(least: int, most: int, *, per_unit: int = 1, unit: str = "px") -> Callable[[str], str]:
    """A reader of pixels that brings them within bounds and writes them in `unit`; one of it is `per_unit` pixels."""

    def read(text: str) -> str:
        match = _PIXELS.fullmatch(text)
        if match is None:
            return ""
        number = min(max(Decimal(match[1]), Decimal(least)), Decimal(most)) / per_unit
        return f"{number.normalize():f}{unit}"

    return read


def _fonts(text: str) -> str:
    """A list of font names, ours at its end for where none of them is installed; "" if one of them is no name."""
    names = [_unquoted(name.strip(" ")) for name in text.split(",")]
    if len(names) > _FONTS_MOST or not all(_FONT_NAME.fullmatch(name) for name in names):
        return ""
    if any(name.strip(" ").lower() in _PICTURES for name in names):
        return ""
    written = [name.lower() if name.lower() in _GENERIC else f'"{name}"' for name in names]
    return ", ".join((*written, "var(--ui)"))


def _unquoted(name: str) -> str:
    quoted = len(name) > 2 and name[0] == name[-1] and name[0] in "\"'"
    return name[1:-1] if quoted else name


_READERS: Mapping[str, Callable[[str], str]] = {
    "font_family_body": _fonts,
    "font_family_heading": _fonts,
    "dim_border_radius": _length(0, 16),
    # In rem, so that people who set larger letters in their browser still get them.
    "dim_font_size": _length(12, 20, per_unit=16, unit="rem"),
    "dim_spacing_size": _length(4, 32),
}


def _css(colors: Mapping[str, Color], others: Mapping[str, str]) -> str:
    """Colors count on a screen in light mode alone: in the dark and on paper ours are used."""
    blocks = []
    if others:
        blocks.append(_rule((_VARIABLES[name], value) for name, value in others.items()))
    if colors:
        values = ((_COLORS[name], "#{:02x}{:02x}{:02x}".format(*color)) for name, color in colors.items())
        blocks.append(f"@media screen and (prefers-color-scheme: light) {{\n{_rule(values)}}}\n")
    return "".join(blocks)


def _rule(values: Iterable[tuple[str, str]]) -> str:
    return ":root {\n" + "".join(f"  {name}: {value};\n" for name, value in values) + "}\n"
