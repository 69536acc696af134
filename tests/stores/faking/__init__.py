"""The parts of the fake object store."""
