"""A long campaign on the real cluster while the controller's process is killed at random times (docs/crash.md)."""
