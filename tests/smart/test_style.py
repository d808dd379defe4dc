"""An EHR's own look becomes CSS that keeps a chart readable and can do nothing else, whatever the EHR sends."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from launcher.smart import style
from launcher.smart.style import contrast, read_style

GOOD = {
    "color_background": "#eceae0",
    "color_highlight": "#1a4f7a",
    "color_text": "#2b2b2b",
    "dim_border_radius": "5px",
    "dim_font_size": "14px",
    "dim_spacing_size": "18px",
    "font_family_body": "Verdana, 'Noto Sans', sans-serif",
    "font_family_heading": '"Noto Serif", Georgia, serif;',
}
# All that may stand in what we serve, each line of it.
SAFE_LINE = re.compile(
    r"|@media screen and \(prefers-color-scheme: light\) \{|:root \{|\}"
    r"|  --ehr-(?:background|text|highlight): #[0-9a-f]{6};"
    r"|  --ehr-(?:radius|spacing): [0-9.]{1,6}px;|  --ehr-font-size: [0-9.]{1,7}rem;"
    r"|  --ehr-font-(?:body|heading): (?:(?:\"[A-Za-z0-9 -]+\"|[a-z-]+), )+var\(--ui\);"
)


def read(**values: object) -> style.Style:
    return read_style(json.dumps(values).encode())


def values_of(css: str) -> dict[str, str]:
    return dict(re.findall(r"(--ehr-[a-z-]+): ([^;]+);", css))


def test_what_is_well_meant_is_taken_over() -> None:
    found = read(**GOOD)
    assert found.refused == ()
    assert values_of(found.css) == {
        "--ehr-background": "#eceae0",
        "--ehr-highlight": "#1a4f7a",
        "--ehr-text": "#2b2b2b",
        "--ehr-radius": "5px",
        "--ehr-font-size": "0.875rem",
        "--ehr-spacing": "18px",
        "--ehr-font-body": '"Verdana", "Noto Sans", sans-serif, var(--ui)',
        "--ehr-font-heading": '"Noto Serif", "Georgia", serif, var(--ui)',
    }


def test_colors_count_on_a_light_screen_alone() -> None:
    before, _, inside = read(**GOOD).css.partition("@media screen and (prefers-color-scheme: light)")
    assert "#" not in before
    assert "--ehr-text" in inside
    assert "--ehr-radius" not in inside


@pytest.mark.parametrize("color", ["#CDE", "#ccddee", "rgb(204,221,238)", "rgb( 204 , 221 , 238 )", "rgb(204 221 238)"])
def test_one_color_may_be_written_in_many_ways(color: str) -> None:
    assert values_of(read(color_background=color, color_text="#000").css)["--ehr-background"] == "#ccddee"


@pytest.mark.parametrize(
    ("name", "sent", "written"),
    [
        ("dim_font_size", "9px", "0.75rem"),
        ("dim_font_size", "13.5px", "0.84375rem"),
        ("dim_font_size", "400px", "1.25rem"),
        ("dim_border_radius", "0px", "0px"),
        ("dim_border_radius", "99px", "16px"),
        ("dim_spacing_size", "1px", "4px"),
        ("dim_spacing_size", "9999px", "32px"),
    ],
)
def test_lengths_stay_within_bounds(name: str, sent: str, written: str) -> None:
    found = read(**{name: sent})
    assert list(values_of(found.css).values()) == [written]
    assert found.refused == ()


HOSTILE = [
    ("color_background", "url(https://evil.example/a.png)"),
    ("color_background", "expression(alert(1))"),
    ("color_background", "#fff;} body{display:none"),
    ("color_background", "#fff}</style><script>"),
    ("color_background", "#ffffff00"),
    ("color_background", "rgba(0,0,0,0)"),
    ("color_background", "transparent"),
    ("color_background", "var(--bad)"),
    ("color_background", "rgb(256,0,0)"),
    ("color_background", "rgb(١,٢,٣)"),
    ("color_background", "#ＦＦＦ"),
    ("color_background", "#fff\n"),
    ("color_background", ["#ffffff"]),
    ("color_background", {"#fff": 1}),
    ("color_background", 16777215),
    ("color_background", True),
    ("color_text", "#000 !important"),
    ("color_text", "#0000/**/00"),
    ("color_highlight", "\\23 000"),
    ("dim_font_size", "calc(1px)"),
    ("dim_font_size", "-4px"),
    ("dim_font_size", "14"),
    ("dim_font_size", 14),
    ("dim_font_size", "14px;}*{visibility:hidden"),
    ("dim_font_size", "99999999px"),
    ("dim_font_size", "1e1px"),
    ("dim_font_size", "50vw"),
    ("dim_spacing_size", "10px\t"),
    ("dim_border_radius", "1em"),
    ("font_family_body", "url(evil)"),
    ("font_family_body", "Arial;}body{display:none"),
    ("font_family_body", 'Arial", url("x'),
    ("font_family_body", "Arial,,serif"),
    ("font_family_body", "Ar\\69 al"),
    ("font_family_body", "'Arial"),
    ("font_family_body", "A" * 61),
    ("font_family_body", ", ".join(["Arial"] * 11)),
    ("font_family_body", "x" * 501),
    ("font_family_body", "Wingdings, sans-serif"),
    ("font_family_heading", "@import 'x'"),
    ("font_family_heading", "Arial /* */"),
    ("font_family_heading", "var(--x)"),
]


@pytest.mark.parametrize(("name", "sent"), HOSTILE)
def test_what_is_not_exactly_of_its_kind_is_refused_and_named(name: str, sent: object) -> None:
    found = read(**{name: sent})
    assert found == style.Style("", (name,))


@pytest.mark.parametrize(("name", "sent"), HOSTILE)
def test_a_bad_value_does_not_spoil_the_others(name: str, sent: object) -> None:
    found = read(**{**GOOD, name: sent})
    assert found.refused == (name,)
    assert len(values_of(found.css)) == len(GOOD) - 1
    assert all(SAFE_LINE.fullmatch(line) for line in found.css.split("\n")), found.css


def test_a_name_that_the_standard_does_not_know_cannot_get_in() -> None:
    found = read(**{"color_banner": "#000000", "--bad": "#000000", "} body {": "#000000", "dim_font_size": "14px"})
    assert values_of(found.css) == {"--ehr-font-size": "0.875rem"}
    assert found.refused == ()


def test_status_colors_stay_ours_and_the_administrator_is_told() -> None:
    found = read(color_error="#9e2d2d", color_success="#498e49", color_modal_backdrop="#00000080")
    assert found == style.Style("", ("color_error", "color_modal_backdrop", "color_success"))


def test_empty_values_are_no_values() -> None:
    assert read(color_modal_backdrop="", color_text=None) == style.Style("")


@pytest.mark.parametrize(
    ("colors", "refused"),
    [
        # Light grey on white, and a link in light blue: cannot be read on our cards.
        ({"color_text": "#999999"}, ("color_text",)),
        ({"color_highlight": "#69b5ce"}, ("color_highlight",)),
        # Our dark text would stand on it.
        ({"color_background": "#222222"}, ("color_background",)),
        # White on black is a good pair, but our white cards stay.
        ({"color_background": "#000000", "color_text": "#ffffff"}, ("color_background", "color_text")),
        # Each would do by itself; together they cannot be read.
        ({"color_background": "#aaaaaa", "color_text": "#555555"}, ("color_background", "color_text")),
        # The text is dark enough, but the smaller grey words are ours.
        ({"color_background": "#a0a0a0", "color_text": "#000000"}, ("color_background",)),
        # White is 4.54:1 against it, our own page is not.
        ({"color_text": "#767676"}, ("color_text",)),
        # Links that cannot be read on it are ours again; the rest stays.
        ({"color_background": "#d8d8d8", "color_highlight": "#5a6bd8"}, ("color_highlight",)),
    ],
)
def test_colors_that_cannot_be_read_are_refused(colors: dict[str, str], refused: tuple[str, ...]) -> None:
    found = read(**colors)
    assert found.refused == refused
    assert len(values_of(found.css)) == len(colors) - len(refused)


def test_whatever_pair_is_left_can_be_read() -> None:
    shades = ["#000000", "#333333", "#555555", "#767676", "#999999", "#cccccc", "#eeeeee", "#ffffff", "#b00000"]
    for background in shades:
        for text in shades:
            for link in shades:
                found = values_of(read(color_background=background, color_text=text, color_highlight=link).css)
                page = number(found.get("--ehr-background"), style.OUR_BACKGROUND)
                for name, ours in (("text", style.OUR_TEXT), ("highlight", style.OUR_ACCENT), ("-", style.OUR_MUTED)):
                    color = number(found.get(f"--ehr-{name}"), ours)
                    assert contrast(color, page) >= 4.5, (background, text, link)
                    assert contrast(color, style.OUR_SURFACE) >= 4.5, (background, text, link)


def number(written: str | None, ours: style.Color) -> style.Color:
    return (int(written[1:3], 16), int(written[3:5], 16), int(written[5:], 16)) if written else ours


def test_contrast_is_that_of_wcag() -> None:
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast((0x77, 0x77, 0x77), (255, 255, 255)) == pytest.approx(4.48, abs=0.005)
    assert contrast((1, 2, 3), (1, 2, 3)) == 1


@pytest.mark.parametrize(
    "body",
    [b"", b"<html></html>", b"[]", b'"#fff"', b"null", b'{"color_text":"#000","color_text":"#fff"}', b"\xff\xfe{}"],
)
def test_what_is_no_json_object_is_an_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"^not "):
        read_style(body)


def test_our_own_colors_are_those_of_our_style_sheet() -> None:
    sheet = Path(__file__).resolve().parents[2] / "static" / "smartportal" / "app.css"
    light = sheet.read_text(encoding="utf-8").partition("@media")[0]
    ours = {
        "bg": style.OUR_BACKGROUND,
        "surface": style.OUR_SURFACE,
        "text": style.OUR_TEXT,
        "muted": style.OUR_MUTED,
        "accent": style.OUR_ACCENT,
    }
    for name, color in ours.items():
        match = re.search(rf"--{name}: #([0-9a-f]+);", light)
        assert match, name
        digits = match[1] if len(match[1]) == 6 else "".join(digit * 2 for digit in match[1])
        assert digits == bytes(color).hex(), name
