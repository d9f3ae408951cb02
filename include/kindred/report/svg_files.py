"""A plot's SVG as it lies inside a page: in the page's own colours and font, with no style that its policy forbids; and
several of them as one file.
"""

import re
from collections.abc import Sequence
from xml.etree import ElementTree

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
GAP_PT = 12  # between the panels of a file
COLOURS = {  # what matplotlib has drawn: the variable of the page
    **dict.fromkeys(("#ffffff", "white"), "var(--ground)"),
    **dict.fromkeys(("#000000", "#262626"), "currentColor"),
    **dict.fromkeys(("#e6e6e6", "#cccccc"), "var(--line)"),
    "#b0b0b0": "var(--guide)",
    "#12466b": "var(--mark)",
}
NOT_ON_A_PAGE = {f"{{{SVG}}}{name}" for name in ("metadata", "style")}


def inlined(content: bytes, name: str) -> str:
    """An SVG as a part of a page; `name` makes its ids unlike those of the page's other ones."""
    root = ElementTree.fromstring(content)
    for parent in list(root.iter()):
        for child in [part for part in parent if part.tag in NOT_ON_A_PAGE]:
            parent.remove(child)
    referred = set(re.findall(rb"#([\w-]+)", content))
    for element in root.iter():
        element.tag = element.tag.removeprefix(f"{{{SVG}}}")
        own = dict(element.attrib)
        element.attrib.clear()
        style = own.pop("style", "")
        for key, value in {**own, **_declarations(style)}.items():
            if key == "id" and value.encode() not in referred:
                continue
            element.set(key.removeprefix(f"{{{XLINK}}}"), _own(key, value, name))
    root.set("aria-hidden", "true")  # its caption says what it shows
    return ElementTree.tostring(root, encoding="unicode")


def side_by_side(panels: Sequence[bytes]) -> bytes:
    """Several SVGs as one, from left to right."""
    if len(panels) == 1:
        return panels[0]
    ElementTree.register_namespace("", SVG)
    ElementTree.register_namespace("xlink", XLINK)
    parts = [ElementTree.fromstring(_with_own_ids(panel, f"p{i}")) for i, panel in enumerate(panels)]
    sizes = [tuple(float(part.get(side, "0pt").removesuffix("pt")) for side in ("width", "height")) for part in parts]
    width, height = sum(w for w, _ in sizes) + GAP_PT * (len(parts) - 1), max(h for _, h in sizes)
    size = {"width": f"{width}pt", "height": f"{height}pt", "viewBox": f"0 0 {width} {height}"}
    root = ElementTree.Element(f"{{{SVG}}}svg", size)
    ElementTree.SubElement(root, f"{{{SVG}}}rect", width="100%", height="100%", fill="#ffffff")
    left = 0.0
    for part, (own_width, own_height) in zip(parts, sizes, strict=True):
        for key, value in {"x": left, "width": own_width, "height": own_height}.items():  # in units of the viewBox
            part.set(key, f"{value}")
        root.append(part)
        left += own_width + GAP_PT
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


def _with_own_ids(content: bytes, name: str) -> bytes:
    """The same SVG, whose ids begin with a name."""
    return re.sub(rb'( id="|"#|url\(#)', rb"\1" + name.encode() + rb"-", content)


def _declarations(style: str) -> dict[str, str]:
    """A style as attributes: a page's policy allows no style in an element."""
    found = {}
    for declaration in filter(None, style.split(";")):
        key, value = (part.strip() for part in declaration.split(":", 1))
        if key != "font-family":  # the page's own
            found[key] = value
    return found


def _own(key: str, value: str, name: str) -> str:
    """A value in the page: its colours by variables, its references to the ids of this plot."""
    if key == "id":
        return f"{name}-{value}"
    if key in ("fill", "stroke"):
        return COLOURS.get(value, value)
    if key.endswith("href") and value.startswith("#"):
        return f"#{name}-{value[1:]}"
    return value.replace("url(#", f"url(#{name}-")
