"""The cluster as the person at the keyboard may see it: kubeconfig's context, its rights, and no kubectl.

Importing it takes a quarter of a second, so nothing here is imported before a command needs it.
"""
