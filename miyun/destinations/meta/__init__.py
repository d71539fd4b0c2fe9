"""Meta Custom Audiences: people into a customer-file audience, or out of it, by hashed identifiers."""

from miyun.destinations.meta.destination import MetaDestination

__all__ = ["MetaDestination"]
