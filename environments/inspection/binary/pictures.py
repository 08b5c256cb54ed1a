"""Is this a picture and nothing else? Decoded and encoded anew: only the new bytes may leave.

What is drawn into the picture a machine does not read: people look at it. What stands beside the pixels is found and
named, and is gone from the new bytes; what lies under transparent pixels is gone too.
"""

from __future__ import annotations

import io
import warnings

from PIL import Image, ImageOps

from environments.inspection.binary.jpeg import note_segments
from environments.inspection.binary.png import note_chunks
from environments.inspection.errors import CannotBeRead
from environments.inspection.limits import MOST_PIXELS
from environments.inspection.model import FindingCode as F
from environments.inspection.notes import Notes

QUALITY = 92
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_SIGNATURE = b"\xff\xd8\xff"
ANEW = "Put it in as PNG, written anew: haven disclosure inspect figure.png --out clean.png."


def inspect_png(content: bytes, notes: Notes) -> bytes:
    """png: its chunks, then its pixels; the bytes of the same picture written anew."""
    note_chunks(content, notes)
    return _written(_decoded(content, "PNG"), "PNG")


def inspect_jpeg(content: bytes, notes: Notes) -> bytes:
    """jpeg: its segments, then its pixels; the bytes of the same picture written anew."""
    note_segments(content, notes)
    return _written(_decoded(content, "JPEG"), "JPEG")


def note_picture(notes: Notes, content: bytes, where: str) -> None:
    """A picture within another file, which leaves as it is: a PNG that was written anew already, and nothing else."""
    within = Notes()
    try:
        if content.startswith(PNG_SIGNATURE):
            if inspect_png(content, within) != content:
                notes.add(F.EMBEDDED_DATA, where, what="A picture in it was not written anew.", mend=ANEW)
        elif content.startswith(JPEG_SIGNATURE):
            inspect_jpeg(content, within)
            notes.add(F.EMBEDDED_OBJECT, where, what="It holds a JPEG picture, which can hide data.", mend=ANEW)
        else:
            notes.add(F.WRONG_TYPE, where)
    except CannotBeRead as unfit:
        notes.add(unfit.finding, where, what=unfit.what, mend=unfit.mend or "")
    for found in within.findings:
        notes.add(found.code, where, what=found.what, mend=found.mend)


def _decoded(content: bytes, kind: str) -> Image.Image:
    """The pixels, and nothing else. Raises CannotBeRead: damaged, or larger than anybody looks at."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content), formats=[kind]) as picture:
                if picture.width * picture.height > MOST_PIXELS:
                    raise _too_large()
                picture.load()
                return _flat(ImageOps.exif_transpose(picture))
    except (CannotBeRead, MemoryError):
        raise
    except Image.DecompressionBombError:
        raise _too_large() from None
    except Exception:  # noqa: BLE001 - a decoder raises what it likes; its text may quote the file
        raise CannotBeRead(F.MALFORMED, "The picture cannot be decoded.", mend="Save it again with savefig.") from None


def _too_large() -> CannotBeRead:
    return CannotBeRead(
        F.UNPACKS_TOO_LARGE,
        f"The picture has more than {MOST_PIXELS:,} pixels.",
        mend="Draw it smaller: a dpi of 150 to 300.",
    )


def _flat(picture: Image.Image) -> Image.Image:
    """Greys or colours of 8 bits on white: what was under transparent pixels is gone."""
    if picture.mode in ("1", "L"):
        return picture.convert("L") if picture.info.get("transparency") is None else _on_white(picture)
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or picture.info.get("transparency") is not None:
        return _on_white(picture)
    if picture.mode.startswith("I") or picture.mode == "F":
        return picture.point(lambda one: one / 256).convert("L")
    return picture.convert("RGB")


def _on_white(picture: Image.Image) -> Image.Image:
    coloured = picture.convert("RGBA")
    ground = Image.new("RGBA", coloured.size, "white")
    return Image.alpha_composite(ground, coloured).convert("RGB")


def _written(picture: Image.Image, kind: str) -> bytes:
    plain = Image.new(picture.mode, picture.size)
    plain.paste(picture)
    out = io.BytesIO()
    if kind == "PNG":
        plain.save(out, "PNG")
    else:
        plain.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()
