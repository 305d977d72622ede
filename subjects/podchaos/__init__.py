"""Chaos whose target is one pod of a StatefulSet: what it takes to plan it, apply it once, undo it and verify that.

A subject names its types of chaos, says among which pods the target is chosen, and keeps these guards by using them.
"""
