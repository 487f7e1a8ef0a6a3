"""Published data sets that can be fetched, and the digests of their files."""

from pathlib import Path
from typing import NamedTuple

from relusweep.tasks.images.errors import FetchFailed

__all__ = ["KNOWN", "KnownSet", "fetch"]

_PARTS = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")


class KnownSet(NamedTuple):
    """Where a data set is published.

    Attributes
    ----------
    address : str
        Folder of the files, with a slash at its end.
    digests : dict of str to str
        Digest of each file, as ``algorithm:hexadecimal``.
    """

    address: str
    digests: dict[str, str]


def _four_files(address: str, algorithm: str, *digests: str) -> KnownSet:
    files = (f"{part}-ubyte.gz" for part in _PARTS)
    return KnownSet(address, {f: f"{algorithm}:{d}" for f, d in zip(files, digests, strict=True)})


KNOWN = {
    "mnist": _four_files(
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "sha256",
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
    "fashion-mnist": _four_files(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "md5",  # as its authors publish them
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "25c81989df183df01b3e8a0aad5dffbe",
        "bef4ecab320f06d8554ea6380940ec79",
        "bb300cfdad3c16e7a12a480ee83cd310",
    ),
    "cifar10": KnownSet(
        "https://www.cs.toronto.edu/~kriz/",
        {"cifar-10-binary.tar.gz": "md5:c32a1d4ab5d03f1284b67883e8d87530"},  # as its authors publish it
    ),
}


def fetch(name: str) -> Path:
    """Fetch a known data set into the user's cache folder, or find it there.

    Parameters
    ----------
    name : str
        A name of :data:`KNOWN`.

    Returns
    -------
    Path
        The folder that holds its files.

    Raises
    ------
    ImportError
        If pooch is not installed.
    FetchFailed
        If the files cannot be had, or their digests are not the published ones.
    """
    try:
        import pooch
    except ImportError as error:
        raise ImportError(
            f"to fetch {name}, install pooch: pip install 'relusweep[fetch]'; or give the path of a copy"
        ) from error
    folder = Path(pooch.os_cache("relusweep")) / name
    address, digests = KNOWN[name]
    for file, digest in digests.items():
        unpack = pooch.Untar(extract_dir=str(folder)) if file.endswith(".tar.gz") else None
        try:
            pooch.retrieve(address + file, digest, fname=file, path=folder, processor=unpack)
        except (OSError, ValueError) as error:  # of requests, and of another digest
            raise FetchFailed(
                f"{address}{file} could not be fetched: {error}. Give the path of a copy instead"
            ) from error
    return folder
