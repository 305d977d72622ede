"""The HTTP API that takes an agent's work. It only takes: no answer tells what was injected, or whether."""
