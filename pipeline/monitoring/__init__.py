"""How a run goes: events, progress, its record and its metrics, and whoever watches."""
