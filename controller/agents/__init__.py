"""Where an agent's work is seen: tickets, sessions and commands, as it reports them or as its own files hold them."""
