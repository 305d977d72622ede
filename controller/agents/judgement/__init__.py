"""Could a command have changed anything, or destroyed something? By rules; docs/agents/judgement.md has them.

A line of shell is taken apart (`shell`), wrappers and shells in shells are unwrapped (`wrappers`), and what is left is
looked up: programs judged by their verbs (`programs`), by an option (`special`), or by their name alone (`plain`).
"""

from controller.agents.judgement.judge import Judgement, judge

__all__ = ["Judgement", "judge"]
