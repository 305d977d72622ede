"""One attempt of one trial: its steps, its fault, what was observed and how it ended."""
