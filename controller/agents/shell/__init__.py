"""Classifies the shell commands of agents: does a command change something, or destroy something?

`parser` finds the simple commands of a line, `wrappers` unwraps sudo, ssh and shells in shells, and what is left is
looked up in the tables of `programs` and `options`. docs/agents/commands.md shows the rules.
"""

from controller.agents.shell.classify import CommandEffect, classify

__all__ = ["CommandEffect", "classify"]
