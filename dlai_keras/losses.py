"""Every public loss, by name; importing this module registers them all."""

__all__ = []
