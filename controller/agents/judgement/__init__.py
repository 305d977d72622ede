"""Could a command have changed anything, or destroyed something? By rules; docs/agents/judgement.md has them.

A command is as bad as its worst part: pipes, chains, `sudo`, `sh -c` and `kubectl exec` are looked into. What no rule
knows counts as neither, and says so: a number that claims less is better than one that guesses.
"""

from controller.agents.judgement.shell import judge
from controller.agents.judgement.verdicts import Judgement

__all__ = ["Judgement", "judge"]
