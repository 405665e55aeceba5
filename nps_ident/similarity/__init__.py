"""How alike two mass spectra are: one measure a file, pure numpy.

======================  ==============================================================================================
``match_factor``        NIST identity and similarity, forward and reverse: EI, unit mass
``entropy``             spectral entropy similarity: MS/MS
``modified_cosine``     cosine, and cosine with the precursor difference as a second chance: MS/MS
``hybrid``              the same idea for EI match factors and for spectral entropy: relatives that differ by one group
``fragments``           coverage of a list of fragments without intensities
``inverted``            the inverted library search of DART in-source fragmentation at several voltages
``pairing``             which peaks a measure may compare, and which of them belong together
======================  ==============================================================================================
"""
