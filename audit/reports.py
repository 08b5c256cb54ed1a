"""What does a person see of the evidence? One self-contained HTML page: text, tables, plots with their numbers.

No script, nothing fetched, so a page can be sent to a controller or kept as evidence. Each plot has a text
alternative and its table beside it (WCAG 2.2, 1.1.1); landmarks, a skip link and headings in order let a screen reader
go through it (1.3.1, 2.4.1), tables scroll by the keyboard (2.1.1), and it prints. Values are escaped; what is put in
is the caller's duty: counts and codes, never a row.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

DAY = re.compile(r"\d{4}-\d\d-\d\d")
STYLE = """
body{font:16px/1.5 system-ui,sans-serif;color:#212b32;background:#f0f4f5;margin:0}
main{max-width:960px;margin:0 auto;background:#fff;padding:24px 32px 48px}
header{background:#005eb8;color:#fff;padding:16px 32px}header p{margin:0}h1{margin:.2em 0;font-size:1.7rem}
h2{margin-top:2em;border-bottom:2px solid #d8dde0;padding-bottom:.2em}
table{border-collapse:collapse;margin:1em 0;min-width:40%}caption{text-align:left;font-weight:600;padding:.3em 0}
th,td{border-bottom:1px solid #d8dde0;padding:.35em .8em;text-align:left;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.note{border-left:6px solid #005eb8;background:#f0f4f5;padding:.6em 1em;margin:1em 0}
.bad{border-left-color:#d5281b}.good{border-left-color:#007f3b}
figure{margin:1em 0}figure svg{max-width:100%;height:auto}
.key{display:grid;grid-template-columns:repeat(auto-fit,minmax(250px,1fr));gap:16px;list-style:none;padding:0}
.key li{border:1px solid #d8dde0;border-top:4px solid #005eb8;padding:.6em 1em}.key h3{font-size:1rem;margin:0}
.key p{margin:.3em 0}.key .n{font-size:1.35rem;font-weight:600;font-variant-numeric:tabular-nums}
summary{cursor:pointer;padding:.3em 0;font-weight:600}nav ul{columns:2 20em;padding-left:1.2em}
:focus-visible{outline:3px solid #212b32;background:#ffeb3b;color:#212b32}
pre{overflow:auto;white-space:pre-wrap;background:#f0f4f5;padding:1em}
a{color:#005eb8}a:focus,[tabindex]:focus{outline:3px solid #212b32;outline-offset:2px;background:#ffeb3b;color:#212b32}
.skip{position:absolute;left:-9999px}.skip:focus{left:0;top:0;padding:.5em 1em;z-index:1}
.scroll{overflow-x:auto}dl.facts{display:grid;grid-template-columns:minmax(9em,max-content) 1fr;gap:.3em 1.2em}
.d{white-space:nowrap}main>h2:first-child{margin-top:0}
dl.facts dt{font-weight:600}dl.facts dd{margin:0}tbody th{font-weight:600}
nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:.4em 1.4em;margin:0 auto;padding:12px 32px;max-width:960px}
footer{max-width:960px;margin:0 auto;padding:16px 32px;overflow-wrap:anywhere}
@media print{body,main{background:#fff;max-width:none}nav,.skip{display:none}header{color:#000;background:#fff}
.scroll{overflow:visible}h2,h3,caption{break-after:avoid}tr{break-inside:avoid}
main a[href^="http"]::after{content:" (" attr(href) ")"}}
"""


@dataclass(frozen=True)
class Link:
    """A cell or an item that leads somewhere: to another page beside this one, or to an https address."""

    text: str
    address: str

    def __post_init__(self) -> None:
        if ":" in self.address and not self.address.startswith("https://"):
            raise ValueError("a link leads to a page beside this one, or to an https address")


@dataclass(frozen=True)
class KeyFigure:
    """A figure that is asked first: the question, the answer, a sentence on it, and the section that tells more."""

    question: str
    figure: str
    sentence: str
    section: str
    section_title: str


@dataclass
class Report:
    """A page under construction. Methods add to it in order; `write` puts it on disk whole or not at all.

    links: where else to go, as a navigation above; foot: what stands below every page of its kind.
    """

    title: str
    subtitle: str = ""
    _parts: list[str] = field(default_factory=list)
    links: Sequence[Link] = ()
    foot: Sequence[str] = ()

    def heading(self, text: str, name: str | None = None, *, level: int = 2) -> None:
        """A section begins; `name` lets a link lead to it, level 3 is a part of a section."""
        anchor = f' id="{html.escape(name)}"' if name else ""
        self._parts.append(f"<h{level}{anchor}>{html.escape(text)}</h{level}>")

    @contextmanager
    def section(self, key: str, title: str) -> Iterator[None]:
        """A section with an address of its own: what is added within belongs to it."""
        name = html.escape(key)
        self._parts.append(
            f'<section id="{name}" aria-labelledby="{name}-title"><h2 id="{name}-title">{html.escape(title)}</h2>'
        )
        yield
        self._parts.append("</section>")

    def contents(self, sections: Sequence[tuple[str, str, str]]) -> None:
        """What is on the page: key, title and a remark of each section."""
        items = "".join(
            f'<li><a href="#{html.escape(key)}">{html.escape(title)}</a> ({html.escape(remark)})</li>'
            for key, title, remark in sections
        )
        self._parts.append(f'<nav aria-labelledby="contents"><h2 id="contents">Contents</h2><ul>{items}</ul></nav>')

    def key_figures(self, figures: Sequence[KeyFigure]) -> None:
        """The figures that are asked first, side by side."""
        items = "".join(
            f'<li><h3>{html.escape(one.question)}</h3><p class="n">{html.escape(one.figure)}</p>'
            f"<p>{html.escape(one.sentence)}</p>"
            f'<p>More: <a href="#{html.escape(one.section)}">{html.escape(one.section_title)}</a></p></li>'
            for one in figures
        )
        self._parts.append(f'<ul class="key">{items}</ul>')

    def text(self, text: str) -> None:
        """A paragraph."""
        self._parts.append(f"<p>{html.escape(text)}</p>")

    def note(self, text: str, kind: str = "") -> None:
        """A set-off remark; kind '', 'good' or 'bad' (said in words too: colour is never the only sign)."""
        self._parts.append(f'<p class="note {html.escape(kind)}">{html.escape(text)}</p>')

    def code(self, text: str) -> None:
        """Preformatted text."""
        self._parts.append(f'<pre tabindex="0">{html.escape(text)}</pre>')

    def facts(self, pairs: Sequence[tuple[str, object]]) -> None:
        """Names and what each is, one below the other."""
        told = "".join(f"<dt>{html.escape(name)}</dt><dd>{_inline(value)}</dd>" for name, value in pairs)
        self._parts.append(f'<dl class="facts">{told}</dl>')

    def items(self, items: Sequence[object]) -> None:
        """A list."""
        self._parts.append(f"<ul>{''.join(f'<li>{_inline(item)}</li>' for item in items)}</ul>")

    def table(
        self,
        caption: str,
        headers: Sequence[str],
        rows: Sequence[Sequence[object]],
        *,
        named: bool = False,
        folded: bool = False,
    ) -> None:
        """A table; numbers are right-aligned with thousands separated.

        named: the first cell names its row. folded: the reader opens it.
        """
        head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in headers)
        body = "".join(f"<tr>{_row(row, named)}</tr>" for row in rows)
        said = html.escape(caption)
        table = (
            f'<div class="scroll" role="region" aria-label="{said}" tabindex="0"><table><caption>{said}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        )
        opener = f"<summary>Show the table ({len(rows)} rows): {said}</summary>"
        self._parts.append(f"<details>{opener}{table}</details>" if folded else table)

    def plot(self, caption: str, labels: Sequence[str], values: Sequence[float], unit: str = "") -> None:
        """A horizontal bar chart alone: its numbers must stand in a table beside it."""
        self.figure(caption, _bars_svg(labels, values, unit))

    def bars(self, caption: str, labels: Sequence[str], values: Sequence[float], unit: str = "") -> None:
        """A horizontal bar chart with its table of numbers below."""
        self.plot(caption, labels, values, unit)
        self.table(caption, ["", unit or "value"], list(zip(labels, values, strict=True)))

    def figure(self, caption: str, svg: str) -> None:
        """A plot as inline SVG, captioned; `caption` is its text alternative."""
        said = html.escape(caption)
        self._parts.append(
            f'<figure><div role="img" aria-label="Plot: {said}. Its numbers stand in a table of this page.">{svg}</div>'
            f"<figcaption>{said}</figcaption></figure>"
        )

    def render(self) -> str:
        """The whole page."""
        return (
            '<!doctype html><html lang="en-GB"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width,initial-scale=1">'
            f"<title>{html.escape(self.title)}</title><style>{STYLE}</style></head><body>"
            '<a class="skip" href="#main">Skip to the content</a>'
            f"<header><h1>{html.escape(self.title)}</h1><p>{html.escape(self.subtitle)}</p></header>"
            f"{self._navigation()}"
            f'<main id="main" tabindex="-1">{"".join(self._parts)}</main>{self._footer()}</body></html>'
        )

    def _navigation(self) -> str:
        told = "".join(f"<li>{_inline(link)}</li>" for link in self.links)
        return f'<nav aria-label="Pages"><ul>{told}</ul></nav>' if told else ""

    def _footer(self) -> str:
        told = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in self.foot)
        return f"<footer>{told}</footer>" if told else ""

    def write(self, path: Path) -> Path:
        """Write the page at `path`, replacing an older one in one step."""
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(path.suffix + ".part")
        draft.write_text(self.render(), encoding="utf-8")
        return draft.replace(path)


def _row(row: Sequence[object], named: bool) -> str:
    if not named:
        return "".join(map(_cell, row))
    return f'<th scope="row">{_inline(row[0])}</th>' + "".join(map(_cell, row[1:]))


def _inline(value: object) -> str:
    if isinstance(value, Link):
        return f'<a href="{html.escape(value.address)}">{html.escape(value.text)}</a>'
    return html.escape(str(value))


def _cell(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"<td{' class=d' if DAY.fullmatch(str(value)) else ''}>{_inline(value)}</td>"
    whole = isinstance(value, int) or value.is_integer()
    shown = f"{int(value):,}" if whole else f"{value:,.4g}"
    return f'<td class="n">{shown}</td>'


def _bars_svg(labels: Sequence[str], values: Sequence[float], unit: str) -> str:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, max(1.2, 0.34 * len(labels) + 0.6)), layout="constrained")
    axes = figure.add_subplot()
    axes.barh([str(label) for label in labels], list(values), color="#005eb8")
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel(unit)
    return figure_svg(figure)


def figure_svg(figure: object) -> str:
    """A matplotlib Figure as an SVG element without prolog, the same bytes for the same figure."""
    import matplotlib as mpl

    out = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "haven", "svg.fonttype": "none"}):
        figure.savefig(out, format="svg", metadata={"Date": None})  # type: ignore[attr-defined]
    text = out.getvalue()
    return text[text.index("<svg") :]
