"""The subjects of a test: one scripted world a namespace, which outlives the controller that is stopped and started."""

from __future__ import annotations

from collections import defaultdict

from bench.scripted import Script, ScriptedSubject, World
from subjects.protocol import SubjectContext


class Laboratory:
    """`scripts` and `worlds` by namespace; tests write the ones and look into the others."""

    def __init__(self) -> None:
        self.scripts: defaultdict[str, Script] = defaultdict(Script)
        self.worlds: defaultdict[str, World] = defaultdict(World)

    def subject(self, context: SubjectContext) -> ScriptedSubject:
        """The subject of a namespace, for the registry."""
        world = self.worlds[context.namespace]
        world.touch()  # whoever watched it ran in another event loop, perhaps
        return ScriptedSubject(context, self.scripts[context.namespace], world)
