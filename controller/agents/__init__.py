"""How an agent is run and observed: its Deployment, the sources of its tickets and commands, and what is made of them."""
