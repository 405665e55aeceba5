"""Reading what laboratories write: one format a file, each reader verbatim or refusing.

:func:`read_spectra` reads one file, :func:`scan_spectra` goes on after a bad record, :func:`find_files` walks folders;
:func:`scan_queries` gives a GC–MS run whole, :func:`write_msp` writes what these read.
"""

from nps_ident.io.alkane_ladder import read_alkane_ladder
from nps_ident.io.reading import find_files, read_spectra, scan_spectra
from nps_ident.io.runs import read_run, scan_queries
from nps_ident.io.write_msp import write_msp

__all__ = ["find_files", "read_alkane_ladder", "read_run", "read_spectra", "scan_queries", "scan_spectra", "write_msp"]
