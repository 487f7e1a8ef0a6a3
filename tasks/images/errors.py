# ruff: noqa: N818  (the names say what happened; the base class says that it is an error)
"""What can be wrong with a data set of images, or with channels to take from a network."""

__all__ = ["ChannelsDoNotFit", "DataSetError", "DataSetNotFound", "FetchFailed", "MalformedDataSet"]


class DataSetError(Exception):
    """A data set cannot be had."""

    exit_code = 2  # of a command that ends with it


class DataSetNotFound(DataSetError, FileNotFoundError):
    """No such folder, file or name, or a part of the data is not there."""


class MalformedDataSet(DataSetError, ValueError):
    """A file is not what its name says, is cut off, or does not fit the others."""


class FetchFailed(DataSetError, ConnectionError):
    """A known data set could not be fetched, or came with other bytes than the published ones."""


class ChannelsDoNotFit(ValueError):
    """Channels or a mask are not those of a network, or the network is none from which channels are taken."""
