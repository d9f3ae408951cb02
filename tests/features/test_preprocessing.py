"""What is read of the param `preprocessing`, and what is done to pixels."""

import numpy as np
import pytest
from PIL import Image

from kindred.data import images
from kindred.features import preprocessing
from kindred.runtime.errors import InputError
from pictures import noise


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("vgg", r"preprocessing 'vgg' is no preset \(clip, imagenet, inception\) and no JSON object"),
        ("[1]", r"preprocessing '\[1\]' is no preset"),
        ('{"preset": "vgg"}', "unknown preset 'vgg' in preprocessing; known: clip, imagenet, inception"),
        (
            '{"means": 1}',
            "preprocessing has no 'means'; it takes preset, mean, std, scale, interpolation, crop, layout",
        ),
        ('{"mean": [1, 2]}', r"mean in preprocessing is \[1, 2\]; it must be a number or a list of three"),
        ('{"std": 0}', "std in preprocessing is 0; it must be a number or a list of three above 0"),
        ('{"std": NaN}', "std in preprocessing is NaN"),
        ('{"scale": true}', "scale in preprocessing is true; it must be a number above 0"),
        ('{"crop": 1.1}', "crop in preprocessing is 1.1; it must be a number from 0 to 1"),
        ('{"interpolation": "nearest"}', 'interpolation in preprocessing is "nearest"; it must be bilinear or bicubic'),
        ('{"layout": "HWC"}', 'layout in preprocessing is "HWC"; it must be NCHW or NHWC'),
    ],
)
def test_what_it_cannot_be_is_refused_in_one_line(text: str, line: str) -> None:
    with pytest.raises(InputError, match=line):
        preprocessing.parse(text)


def test_json_changes_a_preset() -> None:
    changed = preprocessing.parse('{"preset": "imagenet", "crop": 1, "interpolation": "bilinear", "std": 0.5}')

    assert changed == preprocessing.Preprocessing(
        preprocessing.PRESETS["imagenet"].mean, (0.5,), 1 / 255, "bilinear", 1.0
    )


def test_bilinear_without_a_crop_is_what_all_extractors_have() -> None:
    pixels = noise(9, 7, 3)

    np.testing.assert_array_equal(preprocessing.fit(pixels, (4, 5), 3), images.fit(pixels, (4, 5), 3))


def test_a_crop_keeps_the_middle_in_the_proportions_of_the_network() -> None:
    pixels = np.zeros((6, 10, 1), np.uint8)
    pixels[1:5, 3:7] = 255

    assert preprocessing.crop_box(pixels.shape, (4, 4), 0.667) == (1, 3, 4, 4)
    assert preprocessing.crop_box(pixels.shape, (2, 4), 1) == (0, 0, 5, 10)
    assert preprocessing.crop_box((1, 1), (2, 4), 0.5) == (0, 0, 1, 1)
    np.testing.assert_array_equal(preprocessing.fit(pixels, (4, 4), 3, crop=0.667), np.full((4, 4, 3), 255))


@pytest.mark.parametrize("channels", [1, 3])
def test_bicubic_is_pillow_s(channels: int) -> None:
    pixels = noise(9, 7, channels)

    fitted = preprocessing.fit(pixels, (5, 6), channels, "bicubic")

    expected = np.asarray(Image.fromarray(pixels.squeeze()).resize((6, 5), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(fitted.squeeze(), expected)
