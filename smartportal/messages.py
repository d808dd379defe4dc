"""Collects the words that a provider sees and keeps the catalogues below `locale/`: `python -m smartportal.messages`.

Our own extraction, for half of the words stand in places that xgettext cannot know: the tables of the readers, which
are marked by `worded`, and their tags. Merging and compiling is done by the gettext tools; whoever only runs the
product needs neither, for the compiled catalogues are part of the sources.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CODE = ("patients", "launcher")
TEMPLATES = ("templates/base.html", "templates/launcher", "templates/patients")
"""What a provider may come to see. The admin and the sandbox are English."""

_PLAIN = frozenset({"_", "_lazy", "gettext", "gettext_lazy"})
_COUNTED = frozenset({"ngettext", "said_of"})
_IN_CONTEXT = frozenset({"pgettext", "pgettext_lazy"})
_TRANSLATE = re.compile(r'{%\s*translate\s+"([^"]*)"(?:\s+context\s+"([^"]*)")?')
_BLOCK = re.compile(r"{%\s*blocktranslate\b[^%]*%}(.*?){%\s*endblocktranslate\s*%}", re.DOTALL)
_PLACE = re.compile(r"{{\s*(\w+)\s*}}")


@dataclass(frozen=True, slots=True, order=True)
class Message:
    """A text of ours: what it is about ("" for most), the text for one or for any number, and the one for several."""

    context: str
    text: str
    several: str = ""


def messages(root: Path = ROOT) -> dict[Message, list[str]]:
    """Every text of the provider's parts, in the order of the sources, with the files that it stands in."""
    found: dict[Message, list[str]] = {}
    for path in _files(root):
        name = path.relative_to(root).as_posix()
        source = path.read_text(encoding="utf-8")
        for message in in_code(source) if path.suffix == ".py" else in_template(source):
            places = found.setdefault(message, [])
            if message.text and name not in places:
                places.append(name)
    # A text that is also counted somewhere has one entry, with its plural.
    counted = {(message.context, message.text) for message in found if message.several}
    return {
        message: places
        for message, places in found.items()
        if message.text and (message.several or (message.context, message.text) not in counted)
    }


def _files(root: Path) -> Iterator[Path]:
    for folder in CODE:
        yield from sorted((root / folder).rglob("*.py"))
    for place in map(root.joinpath, TEMPLATES):
        yield from sorted(place.rglob("*.html")) if place.is_dir() else [place]


def in_template(source: str) -> Iterator[Message]:
    """The texts of `translate` and `blocktranslate`; Django gives the second named places."""
    found = [(match.start(), Message(match[2] or "", match[1])) for match in _TRANSLATE.finditer(source)]
    found += [(match.start(), Message("", _PLACE.sub(r"%(\1)s", match[1]))) for match in _BLOCK.finditer(source)]
    for _start, message in sorted(found):
        yield message


def in_code(source: str) -> Iterator[Message]:
    """The literal texts given to gettext's functions, to the readers' `said` and `worded`, and the words of tags."""
    yield from _in_node(ast.parse(source))


def _in_node(node: ast.AST) -> Iterator[Message]:
    about = ""
    if isinstance(node, ast.Call):
        name = _name_of(node.func)
        if name == "worded":
            about = _literal(node.args[1]) if len(node.args) > 1 else ""
            texts = [inner.text for inner in _in_children(node)] + list(_texts(node.args[0]))
            yield from (Message(about, text) for text in texts)
            return
        yield from _in_call(name, node.args)
    yield from _in_children(node)


def _in_children(node: ast.AST) -> Iterator[Message]:
    for child in ast.iter_child_nodes(node):
        yield from _in_node(child)


def _in_call(name: str, arguments: list[ast.expr]) -> Iterator[Message]:
    texts = [_literal(argument) for argument in arguments]
    if any(isinstance(argument, ast.JoinedStr) for argument in arguments[:1]) and name in {*_PLAIN, "said"}:
        raise SystemExit(f'{name}(f"…") cannot be translated: use named places.')
    if name in _PLAIN and texts:
        yield Message("", texts[0])
    elif name == "said" and texts:
        yield Message(texts[1] if len(texts) > 1 else "", texts[0])
    elif name in _COUNTED and len(texts) > 1:
        yield Message("", texts[0], texts[1])
    elif name in _IN_CONTEXT and len(texts) > 1:
        yield Message(texts[0], texts[1])
    elif name == "Tag" and texts:
        yield Message("", texts[0])


def _name_of(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _literal(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _texts(node: ast.expr | None) -> Iterator[str]:
    """A text, the values of a table, those of `dict.fromkeys`, or what a tuple holds."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.Dict(values=values):
            for value in values:
                yield from _texts(value)
        case ast.Call(func=ast.Attribute(attr="fromkeys"), args=[_, value]):
            yield from _texts(value)
        case ast.Tuple(elts=elements):
            for element in elements:
                yield from _texts(element)


def template_of(found: dict[Message, list[str]]) -> str:
    """The catalogue without translations, in gettext's own format."""
    header = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n'
    return "\n".join([header, *(_entry(message, places) for message, places in found.items())])


def _entry(message: Message, places: list[str]) -> str:
    lines = [f"#: {place}" for place in places]
    lines += ["#, python-format"] if "%(" in message.text else []
    lines += [f"msgctxt {_quoted(message.context)}"] if message.context else []
    lines.append(f"msgid {_quoted(message.text)}")
    if message.several:
        lines += [f"msgid_plural {_quoted(message.several)}", 'msgstr[0] ""', 'msgstr[1] ""']
    else:
        lines.append('msgstr ""')
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def main() -> None:
    """Bring every catalogue up to date and compile it; says how many texts still wait for their translation."""
    missing = [tool for tool in ("msgmerge", "msgattrib", "msgfmt") if not shutil.which(tool)]
    if missing:
        raise SystemExit(f"Please install gettext: {', '.join(missing)} is not there.")
    found = messages()
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "messages.pot"
        template.write_text(template_of(found), encoding="utf-8")
        for catalogue in sorted((ROOT / "locale").glob("*/LC_MESSAGES/django.po")):
            _update(catalogue, template)


def _update(catalogue: Path, template: Path) -> None:
    po, mo = str(catalogue), str(catalogue.with_suffix(".mo"))
    _run("msgmerge", "--quiet", "--update", "--backup=none", "--no-fuzzy-matching", "--no-wrap", po, str(template))
    _run("msgattrib", "--no-obsolete", "--no-wrap", "--output-file", po, po)
    _run("msgfmt", "--check", "--output-file", mo, po)
    waiting = _run("msgattrib", "--untranslated", "--no-wrap", po).count("msgid ")
    sys.stdout.write(f"{catalogue.relative_to(ROOT)}: {max(waiting - 1, 0)} texts wait for their translation\n")


def _run(*command: str) -> str:
    # The tools of the machine, with arguments of our own alone.
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603


if __name__ == "__main__":
    main()
