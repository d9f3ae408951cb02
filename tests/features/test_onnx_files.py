"""Networks in ONNX files of another's making, as extractors."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from extracting import MIXED, run, session_of
from kindred.features import extractor_setup, onnx_files, onnx_graphs
from kindred.features.featurize import Extractor
from kindred.learning import networks, onnx_model
from kindred.runtime import variants
from kindred.runtime.errors import InputError
from onnx_samples import SIDE, channel_means, model, saved, tokens
from pictures import noise

BATCH = np.stack([noise(SIDE, SIDE, 3, seed=seed) for seed in range(3)])
PLAIN = '{"scale": 1}'  # values as they are
IMAGE = ("pixel_values", TensorProto.FLOAT, ["batch", 3, SIDE, SIDE])


def extractor_of(
    made: onnx.ModelProto, folder: Path, preprocessing: str = PLAIN, output: str = "", image_size: int | None = None
) -> Extractor:
    path = saved(made, folder)
    return extractor_setup.for_dataset("onnx", image_size, path, MIXED, preprocessing=preprocessing, output=output)


def features(made: onnx.ModelProto, folder: Path, *arguments: str | int | None) -> np.ndarray:
    extractor = extractor_of(made, folder, *arguments)
    return extractor.features(list(BATCH), session=session_of(extractor))


@pytest.mark.parametrize("opset", [11, 17, 18, 20])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.FLOAT16])
def test_layout_and_type_are_the_graph_s(layout: str, kind: int, opset: int, tmp_path: Path) -> None:
    rows = features(channel_means(layout, kind, opset=opset), tmp_path)

    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, BATCH.mean(axis=(1, 2)), rtol=1e-3)


def test_a_network_that_takes_bytes_gets_them_as_they_are(tmp_path: Path) -> None:
    made = channel_means("NHWC", TensorProto.UINT8)

    rows = features(made, tmp_path, '{"interpolation": "bicubic"}')

    np.testing.assert_allclose(rows, BATCH.mean(axis=(1, 2)), rtol=1e-5)
    with pytest.raises(InputError, match="takes uint8 and scales the values itself: preprocessing may only have"):
        features(made, tmp_path, "clip")


def test_values_are_scaled_by_mean_and_standard_deviation_of_the_preset_or_of_the_file_s_own_metadata(
    tmp_path: Path,
) -> None:
    expected = (BATCH.mean(axis=(1, 2)) / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]

    by_name = features(channel_means(), tmp_path, "imagenet")
    by_file = features(channel_means(metadata={"preprocessing": "imagenet"}), tmp_path, "")

    np.testing.assert_allclose(by_name, expected, atol=1e-5)
    np.testing.assert_array_equal(by_file, by_name)


def test_a_network_of_any_size_has_that_of_the_form(tmp_path: Path) -> None:
    made = channel_means(shape=["batch", 3, "height", "width"])

    extractor = extractor_of(made, tmp_path, image_size=6)

    assert (extractor.height, extractor.width, extractor.channels) == (6, 6, 3)
    with pytest.raises(InputError, match="takes images of any size; give image_size, for example 224"):
        extractor_of(made, tmp_path)
    with pytest.raises(InputError, match="takes images of 4 x 4 px, not image_size 6"):
        extractor_of(channel_means(), tmp_path, image_size=6)


def test_where_the_graph_does_not_say_its_layout_a_convolution_does_or_the_form(tmp_path: Path) -> None:
    shape = ["batch", "channels", "height", "width"]
    kernel = np.ones((2, 3, 1, 1), np.float32)
    convolved = model(
        [
            helper.make_node("Conv", ["pixel_values", "kernel"], ["sums"]),
            helper.make_node("ReduceMean", ["sums"], ["embedding"], axes=[2, 3], keepdims=0),
        ],
        [("pixel_values", TensorProto.FLOAT, shape)],
        [("embedding", TensorProto.FLOAT, ["batch", 2])],
        {"kernel": kernel},
    )

    rows = features(convolved, tmp_path, PLAIN, "", SIDE)
    said = features(channel_means(shape=shape), tmp_path, '{"scale": 1, "layout": "NCHW"}', "", SIDE)

    np.testing.assert_allclose(rows, np.repeat(BATCH.mean(axis=(1, 2)).sum(axis=1)[:, None], 2, axis=1), rtol=1e-5)
    np.testing.assert_allclose(said, BATCH.mean(axis=(1, 2)), rtol=1e-5)
    with pytest.raises(InputError, match='does not say where the channels are; give "layout": "NCHW" or "NHWC"'):
        features(channel_means(shape=shape), tmp_path, PLAIN, "", SIDE)
    with pytest.raises(InputError, match="takes NCHW, not the layout NHWC of preprocessing"):
        features(channel_means(), tmp_path, '{"layout": "NHWC"}')


def test_a_grey_network_gets_grey_images(tmp_path: Path) -> None:
    grey = channel_means(shape=["batch", 1, SIDE, SIDE])
    grey.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 1

    extractor = extractor_of(grey, tmp_path)

    assert extractor.channels == 1
    assert extractor.features(list(BATCH), session=session_of(extractor)).shape == (3, 1)
    with pytest.raises(InputError, match="takes grey images: mean and std in preprocessing must be one number each"):
        extractor_of(grey, tmp_path, "clip")


def test_of_tokens_the_output_says_which(tmp_path: Path) -> None:
    first = features(tokens(), tmp_path, PLAIN, "last_hidden_state:class")
    mean = features(tokens(), tmp_path, PLAIN, "last_hidden_state:mean")

    np.testing.assert_allclose(first, BATCH[:, 0, 0])
    np.testing.assert_allclose(mean, BATCH.mean(axis=(1, 2)), rtol=1e-5)
    with pytest.raises(InputError, match="holds tokens: give last_hidden_state:class .* or last_hidden_state:mean"):
        features(tokens(), tmp_path, PLAIN, "last_hidden_state")


def test_of_several_outputs_the_only_one_of_vectors_that_needs_images_alone_is_taken(tmp_path: Path) -> None:
    rows = features(tokens(extra=True), tmp_path)

    np.testing.assert_allclose(rows, BATCH.mean(axis=(1, 2)), rtol=1e-5)
    with pytest.raises(InputError, match=r"has no output 'text' of images; known: last_hidden_state float"):
        features(tokens(extra=True), tmp_path, PLAIN, "text")
    with pytest.raises(InputError, match=r"is not \[n, tokens, d\]"):
        features(tokens(extra=True), tmp_path, PLAIN, "pooled:mean")
    with pytest.raises(InputError, match=r"has 0 outputs of features \[n, d\]; name one as output: last_hidden_state"):
        features(tokens(), tmp_path)


def test_names_of_the_graph_may_be_those_that_are_used_here(tmp_path: Path) -> None:
    rows = features(channel_means(image="images"), tmp_path)

    np.testing.assert_allclose(rows, BATCH.mean(axis=(1, 2)), rtol=1e-5)


def bad(name: str) -> onnx.ModelProto:
    constant = helper.make_node("Shape", ["pixel_values"], ["embedding"])
    return {
        "text": model(
            [helper.make_node("Cast", ["input_ids"], ["embedding"], to=TensorProto.FLOAT)],
            [("input_ids", TensorProto.INT64, ["batch", 7])],
            [("embedding", TensorProto.FLOAT, ["batch", 7])],
        ),
        "rank": channel_means(shape=["batch", 3, SIDE]),
        "channels": channel_means(shape=["batch", 4, SIDE, SIDE]),
        "one": channel_means(shape=[1, 3, SIDE, SIDE]),
        "zero": channel_means(shape=["batch", 3, 0, SIDE]),
        "whole": model([constant], [IMAGE], [("embedding", TensorProto.INT64, ["batch", 4])]),
        "map": model(
            [helper.make_node("Identity", ["pixel_values"], ["embedding"])],
            [IMAGE],
            [("embedding", TensorProto.FLOAT, IMAGE[2])],
        ),
        "fixed inside": model(
            [helper.make_node("Reshape", ["pixel_values", "shape"], ["embedding"])],
            [IMAGE],
            [("embedding", TensorProto.FLOAT, ["batch", 48])],
            {"shape": np.array([1, 48])},
        ),
        "infinite": model(
            [
                helper.make_node("Flatten", ["pixel_values"], ["flat"]),
                helper.make_node("Div", ["flat", "zero"], ["embedding"]),
            ],
            [IMAGE],
            [("embedding", TensorProto.FLOAT, ["batch", 48])],
            {"zero": np.zeros((), np.float32)},
        ),
    }[name]


@pytest.mark.parametrize(
    ("name", "output", "line"),
    [
        ("text", "", r"network.onnx has no image input, float or uint8 .*; its inputs: input_ids int64 \[batch, 7\]$"),
        ("rank", "", r"has no image input, .*: pixel_values float \[batch, 3, 4\]$"),
        ("channels", "", r"takes neither colour nor grey images: pixel_values float \[batch, 4, 4, 4\]$"),
        ("one", "", r"takes 1 image at a time, pixel_values float \[1, 3, 4, 4\]; export it with a batch of any size"),
        ("zero", "", r"takes images of no size: pixel_values float \[batch, 3, 0, 4\]$"),
        ("whole", "", r"has 0 outputs of features \[n, d\]; name one as output: embedding int64 \[batch, 4\]$"),
        ("whole", "embedding", r"the output embedding int64 \[batch, 4\] of .* holds no floats$"),
        ("map", "embedding", r"the output embedding float \[batch, 3, 4, 4\] of .* is not \[n, d\]$"),
        ("fixed inside", "", "does not run on images of 4 x 4 px: "),
        ("infinite", "", "the output 'embedding' of .* is not finite: is preprocessing right"),
    ],
)
def test_what_does_not_map_images_to_vectors_is_refused_in_one_line(
    name: str, output: str, line: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=line) as caught:
        extractor_of(bad(name), tmp_path, output=output)

    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_network_is_refused_in_one_line(tmp_path: Path) -> None:
    contents = {"empty": b"", "text": b"hello", "cut": channel_means().SerializeToString()[:-20]}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=f"{name} is no ONNX file"):
            onnx_files.read(str(tmp_path / name), PLAIN, "")
    with pytest.raises(InputError, match="no such file: /nowhere.onnx"):
        onnx_files.read("/nowhere.onnx", PLAIN, "")
    with pytest.raises(InputError, match="is a folder; weights names the ONNX file in it"):
        onnx_files.read(str(tmp_path), PLAIN, "")
    with pytest.raises(
        InputError, match="extractor onnx needs weights: the path or URI of an ONNX file; got 'imagenet'"
    ):
        onnx_files.read("imagenet", PLAIN, "")
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(onnx_files.MAX_BYTES + 1)  # a hole, which takes no room
    with pytest.raises(InputError, match="huge has 2,147,483,648 bytes; an ONNX file has at most 2,147,483,647"):
        onnx_files.read(str(tmp_path / "huge"), PLAIN, "")


def test_weights_in_a_second_file_are_refused(tmp_path: Path) -> None:
    onnx.save_model(
        channel_means(opset=18), tmp_path / "network.onnx", save_as_external_data=True, location="w", size_threshold=0
    )

    with pytest.raises(InputError, match="keeps its weights in a second file; save both as one: onnx.save_model"):
        onnx_files.read(str(tmp_path / "network.onnx"), PLAIN, "")


def test_without_preprocessing_the_presets_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="how its images are scaled; give preprocessing: clip, imagenet, inception or"):
        extractor_of(channel_means(), tmp_path, "")


def test_the_fingerprint_is_that_of_the_file_and_of_all_that_is_made_of_it(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    same = [extractor_of(channel_means(), tmp_path), extractor_of(channel_means(), tmp_path / "other")]
    others = [
        extractor_of(channel_means(image="x"), tmp_path),
        extractor_of(channel_means(), tmp_path, "clip"),
        extractor_of(channel_means(), tmp_path, '{"preset": "clip", "crop": 0.5}'),
        extractor_of(tokens(), tmp_path, PLAIN, "last_hidden_state:mean"),
        extractor_of(tokens(), tmp_path, PLAIN, "last_hidden_state:class"),
    ]

    assert same[0] == same[1]
    assert len({extractor.fingerprint for extractor in [*same, *others]}) == 6


def test_a_uri_is_read_too(tmp_path: Path) -> None:
    path = saved(channel_means(), tmp_path)

    assert onnx_files.read(f"file://{path}", PLAIN, "").sha256 == onnx_files.read(path, PLAIN, "").sha256


def test_its_params_are_for_no_other_extractor() -> None:
    with pytest.raises(
        InputError, match="preprocessing and output are for the extractor onnx alone; pixels takes neither"
    ):
        extractor_setup.for_dataset("pixels", 8, "imagenet", MIXED, preprocessing="clip")


def test_a_missing_file_or_a_wrong_preprocessing_is_refused_before_the_run_starts(tmp_path: Path) -> None:
    check = variants.load("extractor", "onnx").check
    path = saved(channel_means(), tmp_path)

    check(path, "")
    check(path, "clip")
    with pytest.raises(InputError, match="no such file: /nowhere.onnx"):
        check("/nowhere.onnx", "clip")
    with pytest.raises(InputError, match="'vgg' is no preset"):
        check(path, "vgg")


@pytest.mark.parametrize("opset", [17, 20])
@pytest.mark.parametrize("shape", [(9, 14, 3), (5, 3, 3), (40, 31, 3)], ids=str)
@pytest.mark.parametrize("preprocessing", ["clip", "imagenet", "inception"])
def test_the_whole_model_crops_and_resizes_as_the_workers_do(
    preprocessing: str, shape: tuple[int, ...], opset: int, tmp_path: Path
) -> None:
    extractor = extractor_of(channel_means(opset=opset), tmp_path, preprocessing)
    pixels = noise(*shape)
    head = networks.Network((networks.Layer(np.eye(3), np.zeros(3)),))
    network = onnx_files.read(str(tmp_path / "network.onnx"), preprocessing, "")
    graph = onnx_files.graph(network, (SIDE, SIDE))
    rows = extractor.features([pixels], session=session_of(extractor))

    whole = onnx_model.whole_model(graph, head, 3, extractor.interpolation, extractor.crop)

    np.testing.assert_allclose(run(whole, pixels[None]), head.probabilities(rows), atol=3e-3)  # a grey level


def test_a_network_that_ends_in_a_mean_over_places_has_regions_only_where_they_are_known(tmp_path: Path) -> None:
    network = onnx_files.read(saved(channel_means(), tmp_path), PLAIN, "")

    assert onnx_graphs.with_regions(onnx_files.graph(network, (SIDE, SIDE))) is None
