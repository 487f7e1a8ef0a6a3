"""Probes: what is kept of each network, one file each; see `relusweep.tasks.probes.base.Probe`."""
