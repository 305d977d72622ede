"""`doctor`: what may keep a campaign from running, looked at from where the person sits."""
