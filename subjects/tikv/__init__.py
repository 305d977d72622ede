"""TiKV and the PD that directs it: the subject that evalcampaign was made for."""

from subjects.tikv.subject import TikvSubject

__all__ = ["TikvSubject"]
