"""How fast the program is beside its peers, measured on the same work in the same process."""
