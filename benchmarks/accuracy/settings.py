"""What is chosen, not fitted, for each calibration.  The reasons are in ``docs/probability.md``."""

from __future__ import annotations

from nps_ident.confidence.training import Settings
from nps_ident.model import Technique

DATE = "2026-11-23"
SEED = 20261122
N_FOLDS = 5

SETTINGS = {
    (Technique.EI_MS, "full"): Settings(set_cut=0.95),
    (Technique.EI_MS, "principal_ions"): Settings(prior_in_library=0.5, match_cut=0.75, set_cut=0.75),
    (Technique.MSMS, "full"): Settings(match_cut=0.97),
    (Technique.MSMS, "principal_ions"): Settings(prior_in_library=0.5, match_cut=0.9),
}
