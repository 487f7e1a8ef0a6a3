"""Problems, one file each, found by their names; see `relusweep.tasks.problems.base.Problem`."""
