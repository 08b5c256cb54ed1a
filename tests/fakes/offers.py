"""What people offer to the airlock in invented histories: sets of files by name, and what is said of them."""

from __future__ import annotations

from tests.fakes.airlock import GOOD_TABLE, OTHER_TABLE, UNROUNDED_TABLE
from tests.fakes.leaving_files import NHS_NUMBER, figure, picture, with_place

PHOTO = picture("JPEG", exif=with_place()) + b"behind the end"
OFFERS: dict[str, tuple[tuple[str, bytes], ...]] = {
    "good": (("t.csv", GOOD_TABLE),),
    "better": (("t.csv", OTHER_TABLE),),
    "small": (("t.csv", UNROUNDED_TABLE),),
    "drawn": (("t.csv", GOOD_TABLE), ("figure.png", figure())),
    "taken": (("t.csv", OTHER_TABLE), ("photo.jpg", PHOTO), ("notes.txt", b"Rounded to 5.\n")),
    "named": (("t.csv", GOOD_TABLE), ("notes.txt", f"Of {NHS_NUMBER}.\n".encode())),
}
UNFIT = {"small", "named"}
SAID = {"description": "The same counts, as they are shown in the paper.", "counts": "t.csv"}
