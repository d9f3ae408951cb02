"""The list of all images: as people read it."""

import io

from kindred.report import image_list

ROW = {
    **{"origin": "file:///photos/a,b.jpg", "split": "unlabeled", "given_label": None, "truth": None},
    **{"prediction": "cat", "confidence": 0.5, "pseudo_label": None, "pseudo_confidence": None},
    **{"refused": "of no known class", "image_id": "a" * 32},
}


def test_a_row_has_the_path_of_its_file_and_nothing_where_nothing_is_known() -> None:
    file = io.BytesIO()

    image_list.write([ROW], file)

    assert file.getvalue().decode().splitlines() == [
        "origin,split,given_label,truth,prediction,confidence,pseudo_label,pseudo_confidence,refused,image_id",
        f'"/photos/a,b.jpg",unlabeled,,,cat,0.5000000,,,out of distribution,{"a" * 32}',
    ]
