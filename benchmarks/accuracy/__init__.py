"""How often the program is right, wrong and silent, on spectra of known origin."""
