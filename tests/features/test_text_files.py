"""Text encoders beside image encoders: found, fitted to their tokenizer, and refused in one line."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import onnx_samples
from extracting import MIXED
from kindred.features import extractor_setup, onnx_graphs, text_encoder, text_files
from kindred.features.text_encoder import TextEncoder
from kindred.features.text_files import TextTower
from kindred.runtime import storage
from kindred.runtime.errors import InputError
from onnx_samples import CONTEXT, WORDS, channel_means, saved, text_model, tokenizer

PLAIN = '{"scale": 1}'


@pytest.fixture
def image(tmp_path: Path) -> str:
    """An image encoder in a folder `onnx`, with a text encoder beside it and the tokenizer."""
    (tmp_path / "onnx").mkdir()
    onnx_samples.put_words(tmp_path / "onnx")
    return saved(channel_means(), tmp_path / "onnx", "vision_model.onnx")


def read(image: str) -> TextTower:
    tower = text_files.read_tower(image, print)
    assert tower is not None
    return tower


def encoder(tower: TextTower) -> TextEncoder:
    return TextEncoder(text_encoder.tokenizer(tower.tokenizer), onnx_graphs.session(tower.encoder))


def direction(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def test_a_text_becomes_the_vector_of_its_words(image: str) -> None:
    tower = read(image)

    words = encoder(tower).encode("Red car")

    expected = onnx_samples.COLOURS[WORDS["red"]] + onnx_samples.COLOURS[WORDS["car"]]
    np.testing.assert_allclose(direction(words.features[0]), direction(expected), rtol=1e-5)
    assert (words.features.shape, words.features.dtype) == ((1, 3), np.float32)
    assert (words.read, words.tokens, tower.width) == ("Red car", 2, 3)


@pytest.mark.parametrize("kind", [TensorProto.INT64, TensorProto.INT32])
@pytest.mark.parametrize("texts", ["batch", 1])
def test_types_and_the_batch_are_the_graph_s(kind: int, texts: int | str, image: str) -> None:
    saved(text_model(kind=kind, texts=texts), Path(image).parent, "text_model.onnx")

    assert encoder(read(image)).encode("green").features[0].argmax() == 1


def test_a_network_without_a_mask_gets_as_many_tokens_as_it_was_trained_with(image: str) -> None:
    padded = encoder(read(image)).encode("red").features[0]
    saved(text_model(masked=True), Path(image).parent, "text_model.onnx")
    masked = encoder(read(image)).encode("red").features[0]

    colour = onnx_samples.COLOURS[WORDS["red"]]
    np.testing.assert_allclose(padded, colour / CONTEXT, rtol=1e-5)
    np.testing.assert_allclose(masked, colour, rtol=1e-5)


def config(image: str, **said: object) -> None:
    (Path(image).parent / "tokenizer_config.json").write_text(json.dumps(said))


def own(image: str, made: object) -> None:
    (Path(image).parent / "tokenizer.json").write_text(made.to_str())


def test_how_many_tokens_a_text_has_is_said_by_the_graph_then_by_the_tokenizer_else_tried(image: str) -> None:
    assert read(image).tokens == CONTEXT  # its positions
    config(image, model_max_length=5)
    assert read(image).tokens == 5
    own(image, tokenizer(longest=3))
    assert read(image).tokens == 3
    saved(text_model(tokens=4), Path(image).parent, "text_model.onnx")
    assert read(image).tokens == 4
    config(image, model_max_length=1e30)  # what transformers writes where it does not know
    assert read(image).tokens == 4


def test_what_is_more_than_the_encoder_takes_is_cut_off_and_said(image: str) -> None:
    words = encoder(read(image)).encode("red red red red red red car car")

    assert (words.read, words.tokens) == ("red red red red red red", CONTEXT)
    assert encoder(read(image)).encode("red " * 6).read == "red " * 6


def test_padding_is_the_tokenizer_s_own(image: str) -> None:
    made = tokenizer()
    made.enable_padding(pad_id=WORDS["green"], pad_token="green", length=2, direction="left")
    own(image, made)

    encoding = encoder(read(image)).tokenizer.encode("red")

    assert encoding.tokens == ["green", "red"]


def test_a_padding_token_is_needed_only_where_there_is_no_mask(image: str) -> None:
    named = {**{word: number for word, number in WORDS.items() if word != "<pad>"}, "nothing": 0}
    own(image, tokenizer(named))
    with pytest.raises(InputError, match=r"tokenizer.json names no token for padding, which the text encoder needs"):
        read(image)
    config(image, pad_token={"content": "nothing"})
    assert encoder(read(image)).tokenizer.padding["pad_token"] == "nothing"
    config(image, pad_token="other")
    saved(text_model(masked=True), Path(image).parent, "text_model.onnx")
    assert encoder(read(image)).encode("red").tokens == 1


@pytest.mark.parametrize(
    ("weights", "text"),
    [
        ("vision_model_fp16.onnx", "text_model_fp16.onnx"),
        ("visual.onnx", "text.onnx"),
        ("siglip.onnx", "siglip.text.onnx"),
        ("siglip.onnx", "text_model.onnx"),
    ],
)
def test_the_text_encoder_is_found_by_its_name_and_the_tokenizer_beside_it_or_above(
    weights: str, text: str, tmp_path: Path
) -> None:
    (tmp_path / "onnx").mkdir()
    image = saved(channel_means(), tmp_path / "onnx", weights)
    path = saved(text_model(), tmp_path / "onnx", text)
    (tmp_path / "tokenizer.json").write_text(tokenizer().to_str())

    tower = read(f"file://{image}")

    assert tower.path == path


def test_a_bucket_is_looked_into_too(image: str, bucket: str) -> None:
    for path in Path(image).parent.iterdir():
        storage.put_bytes(f"{bucket}/clip/onnx/{path.name}", path.read_bytes())
    storage.put_bytes(f"{bucket}/alone.onnx", Path(image).read_bytes())
    said: list[str] = []

    tower = text_files.read_tower(f"{bucket}/clip/onnx/vision_model.onnx", print)

    assert tower is not None
    assert tower._replace(path="") == read(image)._replace(path="")
    assert text_files.read_tower(f"{bucket}/alone.onnx", said.append) is None
    assert said == []


def joint() -> onnx.ModelProto:
    """One network of images and texts, as CLIP is exported whole."""
    images, texts = channel_means(), text_model(masked=True)
    texts.graph.output.append(helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", "m"]))
    texts.graph.node.extend(
        [
            *images.graph.node,
            helper.make_node("Transpose", ["embedding"], ["turned"]),
            helper.make_node("MatMul", ["text_embeds", "turned"], ["logits"]),
        ]
    )
    texts.graph.input.extend(images.graph.input)
    texts.graph.output.extend(images.graph.output)
    texts.graph.initializer.extend(images.graph.initializer)
    return texts


def test_one_file_may_hold_both(tmp_path: Path) -> None:
    path = saved(joint(), tmp_path, "model.onnx")
    (tmp_path / "tokenizer.json").write_text(tokenizer().to_str())

    said: list[str] = []
    extractor = extractor_setup.for_dataset("onnx", None, path, MIXED, said.append, PLAIN)
    words = encoder(read(path)).encode("blue")

    assert said[-1] == f"the search will take words, by {path} (up to {CONTEXT} tokens)"
    assert extractor.graph is not None
    np.testing.assert_allclose(words.features[0], onnx_samples.COLOURS[WORDS["blue"]])
    assert [one.name for one in encoder(read(path)).session.get_inputs()] == ["attention_mask", "input_ids"]


def test_half_of_the_pair_is_no_text_encoder_and_said(image: str) -> None:
    folder, said = Path(image).parent, []
    files = {name: (folder / name).read_bytes() for name in ("text_model.onnx", "tokenizer.json")}

    (folder / "tokenizer.json").unlink()
    assert text_files.read_tower(image, said.append) is None
    (folder / "text_model.onnx").unlink()
    assert text_files.read_tower(image, said.append) is None
    (folder / "tokenizer.json").write_bytes(files["tokenizer.json"])
    assert text_files.read_tower(image, said.append) is None
    whole = saved(joint(), folder, "model.onnx")
    (folder / "tokenizer.json").unlink()
    assert text_files.read_tower(whole, said.append) is None

    lacks = "encodes texts, but no tokenizer.json lies beside it or above: the search takes no words"
    assert said == [
        f"{folder}/text_model.onnx {lacks}",
        f"{folder}/tokenizer.json is there, but no text_model.onnx beside {image}: the search takes no words",
        f"{whole} {lacks}",
    ]


def test_texts_and_images_must_become_vectors_of_one_width(image: str) -> None:
    saved(text_model(width=2), Path(image).parent, "text_model.onnx")

    with pytest.raises(InputError, match="text_model.onnx makes 2 numbers of a text, the image encoder 3 of an image"):
        extractor_setup.for_dataset("onnx", None, image, MIXED, preprocessing=PLAIN)


def test_the_features_of_images_do_not_depend_on_a_text_encoder(image: str) -> None:
    with_words = extractor_setup.for_dataset("onnx", None, image, MIXED, preprocessing=PLAIN)
    (Path(image).parent / "text_model.onnx").unlink()
    without = extractor_setup.for_dataset("onnx", None, image, MIXED, preprocessing=PLAIN)

    assert with_words == without


def test_the_hash_is_that_of_both_files(image: str) -> None:
    first = read(image).sha256
    own(image, tokenizer(longest=CONTEXT))
    second = read(image).sha256
    saved(text_model(masked=True), Path(image).parent, "text_model.onnx")

    assert len({first, second, read(image).sha256}) == 3


def damaged(name: str, folder: Path) -> None:
    puts: dict[str, Callable[[], object]] = {
        "cut": lambda: (folder / "text_model.onnx").write_bytes(text_model().SerializeToString()[:-20]),
        "images": lambda: saved(channel_means(), folder, "text_model.onnx"),
        "two": lambda: saved(text_model(texts=2), folder, "text_model.onnx"),
        "other input": lambda: saved(with_position_ids(), folder, "text_model.onnx"),
        "no words": lambda: (folder / "tokenizer.json").write_text("{}"),
        "no text": lambda: (folder / "tokenizer.json").write_bytes(b"\xff\x00"),
        "other words": lambda: own(f"{folder}/x", tokenizer({**WORDS, "lorry": 9})),
        "long": lambda: own(f"{folder}/x", tokenizer(longest=CONTEXT + 1)),
    }
    puts[name]()


def with_position_ids() -> onnx.ModelProto:
    made = text_model()
    made.graph.input.append(helper.make_tensor_value_info("position_ids", TensorProto.INT64, ["batch", "tokens"]))
    made.graph.node[4].input[1] = "position_ids"
    return made


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("cut", "text_model.onnx is no ONNX file: "),
        ("images", r"text_model.onnx has 0 outputs \[n, d\] of token ids, none named text_embeds: pixel_values float"),
        ("two", "text_model.onnx takes 2 texts at a time; export it with a batch of any size or of 1"),
        ("other input", "takes input_ids, position_ids; known: input_ids, attention_mask, token_type_ids"),
        ("no words", "tokenizer.json is no tokenizer of the library tokenizers: "),
        ("no text", "tokenizer.json is no tokenizer of the library tokenizers: "),
        ("other words", "does not run on 6 tokens of number 9; is .*tokenizer.json of the same network"),
        ("long", "does not run on 7 tokens of number 0; is .*tokenizer.json of the same network"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(name: str, line: str, image: str) -> None:
    damaged(name, Path(image).parent)

    with pytest.raises(InputError, match=line) as caught:
        read(image)

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "  ", "\t\n"])
def test_a_text_without_words_is_refused(text: str, image: str) -> None:
    with pytest.raises(InputError, match="knows no word of"):
        encoder(read(image)).encode(text)


def test_any_characters_are_taken_up_to_a_number_of_them(image: str) -> None:
    made = encoder(read(image))

    for text in ("red \x00", "красный", "🚗" * 400, "\udcff red", "<script>alert(1)</script>", "red" * 333):
        assert np.isfinite(made.encode(text).features).all()
    with pytest.raises(InputError, match="the text has 1,001 characters; at most 1,000 are taken"):
        made.encode("a" * 1001)
