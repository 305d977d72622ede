"""Three PD members and three TiKV stores in virtual time, with faults. Deterministic: the seed decides everything."""
