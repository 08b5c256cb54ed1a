"""The errors of the residual. The tree is drawn in linkage/errors.py."""

from __future__ import annotations

from linkage.errors import LinkageError


class TooManyCandidates(LinkageError):
    """More pairs would have to be weighed than the budget allows; nothing was compared or changed."""

    code = "linkage.too_many_candidates"
    exit_status = 65


class NoModel(LinkageError):
    """There is no such model."""

    code = "linkage.no_model"
    exit_status = 66


class NothingToLearnFrom(LinkageError):
    """No records are there from which a model could be trained."""

    code = "linkage.nothing_to_learn_from"
    exit_status = 66


class NoPair(LinkageError):
    """There is no such pair in the clerical queue, or it is settled."""

    code = "linkage.no_pair"
    exit_status = 66
