"""What training fills in memory, and how much of a block is trained at a time so that it fits."""

__all__ = ["bytes_of_block", "labels_at_once"]

_BYTES_AT_ONCE = 2**27
_FLOAT = 4
_LANES = 16 * 4  # numbers of each parameter in the lanes: the parameter, its gradient and two moments


def labels_at_once(n_parameters: int, n_trials: int, n_snapshots: int = 0) -> int:
    """Count the labels of a block, at least one, whose starts, parameters and snapshots fit together.

    Parameters
    ----------
    n_parameters, n_trials, n_snapshots : int
        Of a network, of a label, and of a network.
    """
    return max(1, _BYTES_AT_ONCE // max(1, _of_networks(n_parameters, n_trials, n_snapshots)))


def bytes_of_block(n_parameters: int, n_labels: int, n_trials: int, n_snapshots: int = 0) -> int:
    """Estimate what training a block fills: as measured, within a third.

    Parameters
    ----------
    n_parameters, n_labels, n_trials, n_snapshots : int
    """
    together = min(n_labels, labels_at_once(n_parameters, n_trials, n_snapshots))
    drawing = n_trials  # words of the starts of one label
    networks = together * _of_networks(n_parameters, n_trials, n_snapshots)
    return networks + _FLOAT * n_parameters * (drawing + _LANES)


def _of_networks(n_parameters: int, n_trials: int, n_snapshots: int) -> int:
    return _FLOAT * n_parameters * n_trials * (2 + n_snapshots)
