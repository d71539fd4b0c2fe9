"""Google Data Manager: people onto an audience of Google Ads or Display & Video 360, or off it, by hashes."""

from miyun.destinations.data_manager.destination import DataManagerDestination

__all__ = ["DataManagerDestination"]
