"""Reference spectra compiled for search: build, open (memory-mapped), search."""

from nps_ident.library.opening import Libraries, open_library

__all__ = ["Libraries", "open_library"]
