"""How an agent is run and observed: its Deployment, and the sources of its tickets and commands."""
