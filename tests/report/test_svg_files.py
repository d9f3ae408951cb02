"""Plots inside a page: what its policy allows, in its own colours; and several plots as one file."""

import re
from xml.etree import ElementTree

from kindred.report import plots, svg_files

XMLNS = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
DRAWN = f"""<svg {XMLNS} width="10pt" height="20pt" viewBox="0 0 10 20"><metadata>made by</metadata>
<defs><style>*{{stroke-linecap: butt}}</style><path id="m1" style="stroke: #000000; stroke-width: 0.8"/></defs>
<g id="axes_1" clip-path="url(#m1)"><use xlink:href="#m1" style="fill: #ffffff; stroke: #d55e00"/></g>
<text style="font-size: 10px; font-family: 'DejaVu Sans'; text-anchor: end">a &lt; b</text></svg>""".encode()


def test_a_plot_in_a_page_has_no_style_and_the_colours_of_the_page() -> None:
    html = svg_files.inlined(DRAWN, "data-balance-1")

    assert "style" not in html
    assert "made by" not in html
    assert '<path id="data-balance-1-m1" stroke="currentColor" stroke-width="0.8" />' in html
    assert '<use href="#data-balance-1-m1" fill="var(--ground)" stroke="#d55e00" />' in html
    assert '<g clip-path="url(#data-balance-1-m1)">' in html
    assert '<text font-size="10px" text-anchor="end">a &lt; b</text>' in html


def test_panels_become_one_file_whose_ids_do_not_clash() -> None:
    root = ElementTree.fromstring(svg_files.side_by_side([DRAWN, DRAWN]))

    ids = [element.get("id") for element in root.iter() if "id" in element.attrib]
    assert len(set(ids)) == len(ids) == 4
    assert (root.get("width"), root.get("height")) == (f"{20 + svg_files.GAP_PT}.0pt", "20.0pt")
    panels = [panel for panel in root if panel.tag.endswith("svg")]
    assert [panel.get("x") for panel in panels] == ["0.0", f"{10.0 + svg_files.GAP_PT}"]
    assert {(panel.get("width"), panel.get("height")) for panel in panels} == {("10.0", "20.0")}  # 10pt would be 13
    assert svg_files.side_by_side([DRAWN]) == DRAWN


def test_every_reference_of_a_drawn_plot_is_found_in_it() -> None:
    figure, (axes,) = plots.figure(3, 2)
    axes.plot([0, 1], [0, 1], "o-", label="line")
    axes.legend()

    html = svg_files.inlined(plots.svg(figure), "x")

    referred = set(re.findall(r"#(x-[\w-]+)", html))
    assert referred <= set(re.findall(r'id="(x-[\w-]+)"', html))
    assert len(referred) == 2
    assert "#000000" not in html
