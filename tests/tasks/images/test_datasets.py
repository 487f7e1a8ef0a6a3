import gzip
import pickle
import struct
import threading
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from relusweep.tasks.images import known
from relusweep.tasks.images.datasets import ImageSet, load_images
from relusweep.tasks.images.errors import DataSetError, DataSetNotFound, FetchFailed, MalformedDataSet
from tests.extras import needs

MNIST = Path(__file__).parents[4] / "shared" / "data" / "mnist"
N_TRAIN, N_TEST = 12, 5


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def draw(*shape: int, high: int = 256) -> np.ndarray:
    return np.random.default_rng(shape).integers(high, size=shape, dtype=np.uint8)


def idx_files() -> dict[str, bytes]:
    """MNIST's kin: images of 4 × 3 pixels, of the classes 0, 1 and 2."""
    files = {}
    for part, n in (("train", N_TRAIN), ("t10k", N_TEST)):
        files[f"{part}-images-idx3-ubyte"] = idx(draw(n, 4, 3))
        files[f"{part}-labels-idx1-ubyte"] = idx(np.arange(n, dtype=np.uint8) % 3)
    return files


def cifar_files(n: int = 2) -> dict[str, bytes]:
    names = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]
    rows = {name: np.hstack([draw(n, 1, high=10), draw(n + i, 3072)[:n]]) for i, name in enumerate(names)}
    return {name: array.tobytes() for name, array in rows.items()}


def write(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def write_image(file: Path, pixels: np.ndarray) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file)


def class_folders(folder: Path, *channels: int) -> dict[str, np.ndarray]:
    images = {f"train/{name}/{i}.png": draw(6, 5, *channels) + i for i in range(2) for name in ("cat", "ant")}
    images["test/cat/0.png"] = draw(6, 5, *channels) + 9
    for name, pixels in images.items():
        write_image(folder / name, pixels)
    return images


# Reading


@pytest.mark.parametrize("gzipped", [False, True])
def test_idx_files_are_read_as_they_were_written(tmp_path, gzipped):
    files = idx_files()
    if gzipped:
        files = {f"{name}.gz": gzip.compress(data) for name, data in files.items()}
    data = load_images("mine", write(tmp_path, files))
    np.testing.assert_array_equal(data.train_pixels[:, 0], draw(N_TRAIN, 4, 3))
    np.testing.assert_array_equal(data.test_pixels[:, 0], draw(N_TEST, 4, 3))
    np.testing.assert_array_equal(data.labels("train"), np.arange(N_TRAIN) % 3)
    np.testing.assert_array_equal(data.labels("test"), np.arange(N_TEST) % 3)
    assert (data.name, data.shape, data.classes) == ("mine", (1, 4, 3), ("0", "1", "2"))


def test_of_a_file_and_its_gzipped_form_the_file_is_read(tmp_path):
    write(tmp_path, idx_files())
    write(tmp_path, {"train-images-idx3-ubyte.gz": b"not read"})
    assert len(load_images("mine", tmp_path).train_pixels) == N_TRAIN


@pytest.mark.parametrize(
    "place",
    [
        "{dotted}",  # as Kaggle leaves them
        "{name}/{name}",  # as archivers do
        "{dotted}/{name}",
        "{name}/{dotted}.gz",
    ],
)
def test_idx_files_are_found_as_kaggle_and_archivers_leave_them(tmp_path, place):
    for name, data in idx_files().items():
        file = tmp_path / place.format(name=name, dotted=name.replace("-idx", ".idx"))
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(gzip.compress(data) if file.suffix == ".gz" else data)
        (tmp_path / f"._{name}").write_bytes(b"of a Mac")
    found, expected = load_images(path=tmp_path), write(tmp_path / "plain", idx_files())
    assert found.data_hash == load_images("mine", expected).data_hash


def test_of_files_of_one_name_the_plain_one_is_read(tmp_path):
    """Kaggle's archive has both ``train-images.idx3-ubyte`` and ``train-images-idx3-ubyte/...``."""
    files = idx_files()
    write(tmp_path, {name.replace("-idx", ".idx"): data for name, data in files.items()})
    for name in files:
        write(tmp_path / name, {name: b"not read"})
    assert len(load_images("mine", tmp_path).train_pixels) == N_TRAIN


def test_classes_are_the_labels_that_there_are(tmp_path):
    """As of the letters of EMNIST, which are 1 to 26."""
    files = idx_files()
    for name in ("train-labels-idx1-ubyte", "t10k-labels-idx1-ubyte"):
        files[name] = files[name][:8] + bytes(3 * label + 1 for label in files[name][8:])
    data = load_images("letters", write(tmp_path, files))
    assert data.classes == ("1", "4", "7")
    np.testing.assert_array_equal(data.labels("train"), np.arange(N_TRAIN) % 3)
    np.testing.assert_array_equal(data.labels("test"), np.arange(N_TEST) % 3)


def test_a_set_without_a_name_is_called_as_its_folder(tmp_path, monkeypatch):
    write(tmp_path / "mine", idx_files())
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_images(path="~/mine").name == "mine"
    monkeypatch.chdir(tmp_path / "mine")
    assert load_images(path=".").name == "mine"
    with pytest.raises(DataSetNotFound, match="there is no folder ~nobody-of-that-name/mine"):
        load_images(path="~nobody-of-that-name/mine")


@pytest.mark.parametrize("inside", ["", "cifar-10-batches-bin"])
def test_the_batches_of_cifar_follow_one_another(tmp_path, inside):
    files = cifar_files()
    write(tmp_path / inside, files)
    data = load_images("cifar10", tmp_path)
    assert data.train_pixels.shape == (10, 3, 32, 32)
    assert data.test_pixels.shape == (2, 3, 32, 32)
    batch = np.frombuffer(files["data_batch_3.bin"], np.uint8).reshape(2, 3073)
    # The first 1 024 bytes are the red channel, row after row.
    assert data.train_pixels[4, 0, 0, 1] == batch[0, 2]
    assert data.train_pixels[5, 2, 31, 31] == batch[1, -1]
    np.testing.assert_array_equal(data.train_labels[4:6], batch[:, 0])


def test_cifar_names_its_classes_where_the_file_is_there(tmp_path):
    names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    write(tmp_path, cifar_files() | {"batches.meta.txt": ("\n".join(names) + "\n\n").encode()})
    assert load_images("cifar10", tmp_path).classes == tuple(names)


@pytest.mark.parametrize("channels", [(), (3,)])
def test_folders_are_classes(tmp_path, channels):
    images = class_folders(tmp_path, *channels)
    data = load_images("mine", tmp_path)
    assert data.classes == ("ant", "cat")
    assert data.train_labels.tolist() == [0, 0, 1, 1]
    assert data.test_labels.tolist() == [1]
    expected = images["train/cat/1.png"].reshape(6, 5, -1).transpose(2, 0, 1)
    np.testing.assert_array_equal(data.train_pixels[3], expected)


def test_hidden_folders_are_no_classes(tmp_path):
    class_folders(tmp_path)
    expected = load_images("mine", tmp_path)
    for place in ("train", "test", "train/cat"):
        write_image(tmp_path / place / ".ipynb_checkpoints" / "0-checkpoint.png", draw(6, 5))
    found = load_images("mine", tmp_path)
    assert (found.classes, found.data_hash) == (expected.classes, expected.data_hash)


def test_mnist_is_read_whole():
    if not MNIST.is_dir():
        pytest.skip("MNIST is not on this machine")
    data = load_images("mnist", MNIST)
    assert data.train_pixels.shape == (60_000, 1, 28, 28)
    assert data.test_pixels.shape == (10_000, 1, 28, 28)
    # Published: LeCun et al. (1998); the first ten labels; mean 0.1307 and deviation 0.3081.
    assert data.train_labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert data.mean.round(4).tolist() == [0.1307]
    assert data.deviation.round(4).tolist() == [0.3081]


def test_digits_are_bundled_and_split_for_good():
    digits = load_images()
    assert digits.data_hash == "249dfffc98f029971f86cd25064e8570"
    assert np.bincount(digits.test_labels).min() >= 30


# Scaling


def test_training_images_have_mean_0_and_deviation_1_and_test_images_the_same_scale(tmp_path):
    write(tmp_path, cifar_files(40))
    data = load_images("cifar10", tmp_path)
    train = data.images("train")
    assert train.dtype == np.float32
    np.testing.assert_allclose(train.mean(axis=(0, 2, 3), dtype=float), 0, atol=1e-6)
    np.testing.assert_allclose(train.std(axis=(0, 2, 3), dtype=float), 1, rtol=1e-6)
    for part, pixels in (("train", data.train_pixels), ("test", data.test_pixels)):
        mean, deviation = (a[:, None, None] for a in (data.mean, data.deviation))
        expected = ((pixels / 255 - mean) / deviation).astype(np.float32)
        np.testing.assert_array_equal(data.images(part), expected)
        np.testing.assert_array_equal(data.images(part, slice(3, 20)), expected[3:20])


def test_fewer_samples_are_among_those_of_more():
    digits, before = load_images(), set()
    for samples in (100, 300, 10**6):
        limited = digits.limited(samples)
        for part, pixels, labels in limited._parts():
            assert len(pixels) == min(samples, len(digits.labels(part)))
            whole = getattr(digits, f"{part}_pixels")
            places = np.flatnonzero((whole[:, None] == pixels[None, :50]).all(axis=(2, 3, 4)).any(axis=1))
            assert set(labels[:50].tolist()) <= set(digits.labels(part)[places].tolist())
        now = {pixels.tobytes() for pixels in limited.train_pixels}
        assert before <= now
        before = now
    assert limited.data_hash == digits.data_hash  # in their order
    with pytest.raises(MalformedDataSet, match=r"samples = 3 leaves no training images of .* in digits"):
        digits.limited(3)


def test_moments_are_those_of_float64():
    digits = load_images()
    pixels = digits.train_pixels / 16
    np.testing.assert_allclose(digits.mean, pixels.mean(), rtol=1e-14)
    np.testing.assert_allclose(digits.deviation, pixels.std(), rtol=1e-14)


def test_a_constant_channel_becomes_0():
    pixels = np.full((4, 1, 2, 2), 7, np.uint8)
    labels = np.zeros(4, np.int64)
    assert not ImageSet("grey", pixels, labels, pixels, labels, ("0",)).images("train").any()


def test_the_hash_is_of_the_data_alone():
    pixels, labels = draw(6, 1, 3, 3), np.arange(6) % 2
    first = ImageSet("one", pixels, labels, pixels[:2], labels[:2], ("0", "1"))
    again = ImageSet("two", pixels.copy(), labels, pixels[:2], labels[:2], ("a", "b"))
    assert first.data_hash == again.data_hash
    changed = pixels.copy()
    changed[5, 0, 2, 2] ^= 1
    others = [
        ImageSet("one", changed, labels, pixels[:2], labels[:2], ("0", "1")),
        ImageSet("one", pixels, labels, changed[4:], labels[4:], ("0", "1")),
        ImageSet("one", pixels, labels[::-1], pixels[:2], labels[:2], ("0", "1")),
        ImageSet("one", pixels, labels, pixels[:2], labels[:2], ("0", "1"), white=16),
        ImageSet("one", pixels[:5], labels[:5], pixels[:2], labels[:2], ("0", "1")),
    ]
    assert len({first.data_hash, *(other.data_hash for other in others)}) == 6


# What is refused


def damaged(change) -> dict[str, bytes]:
    files = idx_files()
    change(files)
    return files


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda f: f.pop("t10k-images-idx3-ubyte"), DataSetNotFound, r"lacks a file \*t10k-images"),
        (lambda f: f.pop("train-labels-idx1-ubyte"), DataSetNotFound, r"lacks a file \*train-labels"),
        (
            lambda f: f.update({"x-train-labels-idx1-ubyte": b""}),
            MalformedDataSet,
            "holds train-labels-idx1-ubyte, x-train-labels-idx1-ubyte; allowed is one",
        ),
        (
            lambda f: f.update({"t10k-images-idx3-ubyte": f["t10k-images-idx3-ubyte"][:-1]}),
            MalformedDataSet,
            r"t10k-images-idx3-ubyte is 75 bytes long; with sizes \[5, 4, 3\] it has 76",
        ),
        (
            lambda f: f.update({"t10k-labels-idx1-ubyte": b"\0\0\x08\1\0"}),
            MalformedDataSet,
            "is 5 bytes long",
        ),
        (lambda f: f.update({"t10k-labels-idx1-ubyte": b""}), MalformedDataSet, "begins with ;"),
        (
            lambda f: f.update({"train-images-idx3-ubyte": f["train-labels-idx1-ubyte"]}),
            MalformedDataSet,
            "begins with 00000801; an IDX file of bytes in 3 dimension.* begins with 00000803",
        ),
        (
            lambda f: f.update({"train-images-idx3-ubyte": gzip.compress(b"x" * 500)[:-9]}),
            MalformedDataSet,
            "cannot be unzipped",
        ),
        (
            lambda f: f.update({"train-labels-idx1-ubyte": idx(np.zeros(3, np.uint8))}),
            MalformedDataSet,
            "train-images-idx3-ubyte has 12 images and .*train-labels-idx1-ubyte 3 labels",
        ),
        (
            lambda f: f.update({"t10k-labels-idx1-ubyte": idx(np.full(N_TEST, 7, np.uint8))}),
            MalformedDataSet,
            "the test labels in .* have 7, which the training labels have not; those are 0, 1, 2",
        ),
        (
            lambda f: f.update({"t10k-images-idx3-ubyte": idx(draw(N_TEST, 4, 4))}),
            MalformedDataSet,
            r"test images of shape \(1, 4, 4\) and training images of shape \(1, 4, 3\)",
        ),
        (
            lambda f: f.update(
                {
                    "t10k-images-idx3-ubyte": idx(draw(0, 4, 3)),
                    "t10k-labels-idx1-ubyte": idx(np.zeros(0, np.uint8)),
                }
            ),
            MalformedDataSet,
            r"test pixels of mine are uint8 of shape \(0, 1, 4, 3\)",
        ),
    ],
)
def test_damaged_idx_files_are_refused(tmp_path, change, error, message):
    write(tmp_path, damaged(change))
    with pytest.raises(error, match=message) as raised:
        load_images("mine", tmp_path)
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)


def test_damaged_cifar_batches_are_refused(tmp_path):
    files = cifar_files()
    write(tmp_path, files | {"data_batch_2.bin": files["data_batch_2.bin"][:-1]})
    with pytest.raises(MalformedDataSet, match=r"data_batch_2.bin is 6145 bytes long; .* multiples of 3073"):
        load_images("cifar10", tmp_path)
    write(tmp_path, {"data_batch_2.bin": b"\x0a" + files["data_batch_2.bin"][1:]})
    with pytest.raises(MalformedDataSet, match=r"data_batch_2.bin has the label 10; .* allowed are 0 to 9"):
        load_images("cifar10", tmp_path)
    (tmp_path / "data_batch_2.bin").unlink()
    (tmp_path / "test_batch.bin").unlink()
    with pytest.raises(DataSetNotFound, match=r"lacks data_batch_2.bin, test_batch.bin; allowed are all of"):
        load_images("cifar10", tmp_path)


def test_names_of_classes_that_are_no_text_are_refused(tmp_path):
    write(tmp_path, cifar_files() | {"batches.meta.txt": b"airplane\nautomo\xff"})
    with pytest.raises(MalformedDataSet, match=r"batches.meta.txt is not text"):
        load_images("cifar10", tmp_path)


def test_what_cannot_be_read_is_said(tmp_path):
    write(tmp_path, cifar_files())
    (tmp_path / "data_batch_3.bin").unlink()
    (tmp_path / "data_batch_3.bin").mkdir()
    with pytest.raises(DataSetNotFound, match=r"data_batch_3.bin cannot be read: Is a directory"):
        load_images("cifar10", tmp_path)


def other_size(path: Path) -> None:
    write_image(path / "train" / "cat" / "9.png", draw(6, 6))


def sixteen_bits(path: Path) -> None:
    write_image(path / "test" / "ant" / "9.png", draw(6, 5).astype(np.uint16))


def cut_off(path: Path) -> None:
    file = path / "train" / "ant" / "0.png"
    file.write_bytes(file.read_bytes()[:50])


def no_image(path: Path) -> None:
    (path / "train" / "ant" / "readme.txt").write_text("about these images")


def bomb(path: Path) -> None:
    Image.new("1", (20_000, 20_000)).save(path / "train" / "ant" / "0.png")


def empty_class(path: Path) -> None:
    (path / "train" / "dog").mkdir()
    write_image(path / "train" / "eel" / ".hidden.png", draw(6, 5))


def no_such_class(path: Path) -> None:
    write_image(path / "test" / "dog" / "0.png", draw(6, 5))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (other_size, r"9.png has channels, height and width \(1, 6, 6\); .* \(1, 6, 5\)"),
        (sixteen_bits, "mode I;16; allowed are L and RGB"),
        (cut_off, "0.png cannot be read as an image"),
        (no_image, "readme.txt cannot be read as an image"),
        (bomb, "0.png cannot be read as an image .*400000000 pixels"),
        (empty_class, "train holds no images in dog, eel, and a class without images cannot be learnt"),
        (no_such_class, "has classes dog that"),
    ],
)
def test_damaged_folders_are_refused(tmp_path, change, message):
    class_folders(tmp_path)
    change(tmp_path)
    with pytest.raises(MalformedDataSet, match=message):
        load_images("mine", tmp_path)


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(DataSetNotFound, match=r"no folder .*nowhere"):
        load_images("mnist", tmp_path / "nowhere")
    with pytest.raises(DataSetNotFound, match="holds no data set; allowed are IDX"):
        load_images("mnist", tmp_path)
    (tmp_path / "train").mkdir()
    with pytest.raises(DataSetNotFound, match="no folder test/"):
        load_images("mine", tmp_path)
    (tmp_path / "test").mkdir()
    with pytest.raises(DataSetNotFound, match="holds no images"):
        load_images("mine", tmp_path)
    with pytest.raises(DataSetNotFound, match="known are digits, mnist, fashion-mnist, cifar10"):
        load_images("minst")
    with pytest.raises(DataSetNotFound, match="not bundled; give the path of a copy, or ask"):
        load_images("mnist")


# Fetching


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Serve MNIST's kin on localhost under the name `mnist`, with an empty cache."""
    needs("pooch", "fetch")
    folder = tmp_path / "published"
    files = {f"{name}.gz": gzip.compress(data) for name, data in idx_files().items()}
    write(folder, files)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    handler = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        digests = {name: f"sha256:{sha256(data).hexdigest()}" for name, data in files.items()}
        address = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setitem(known.KNOWN, "mnist", known.KnownSet(address, digests))
        yield folder
        server.shutdown()
        thread.join()


def test_a_known_set_is_fetched_once(published):
    assert len(load_images("mnist", download=True).train_pixels) == N_TRAIN
    for file in published.iterdir():
        file.unlink()
    assert len(load_images("mnist", download=True).train_pixels) == N_TRAIN


def test_other_bytes_than_the_published_ones_are_refused(published):
    (published / "t10k-labels-idx1-ubyte.gz").write_bytes(b"something else")
    with pytest.raises(FetchFailed, match=r"t10k-labels-idx1-ubyte.gz could not be fetched: .*hash"):
        load_images("mnist", download=True)


def test_what_cannot_be_fetched_is_said(published):
    (published / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataSetError, match=r"404.* Give the path of a copy instead"):
        load_images("mnist", download=True)
