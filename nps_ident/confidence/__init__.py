"""How sure: features of a hit list, calibrated probabilities, isomer sets and the decision."""
