"""The verbs: identify a spectrum, a structure; conclude on an exhibit."""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from nps_ident.identify.spectrum import identify

if TYPE_CHECKING:
    from nps_ident.identify.structure import identify_structure

__all__ = ["identify", "identify_structure"]


def __getattr__(name: str) -> Any:
    if name == "identify_structure":  # loads rdkit: only when a structure is touched
        return import_module("nps_ident.identify.structure").identify_structure
    raise AttributeError(f"module 'nps_ident.identify' has no attribute '{name}'")


class _Verb(ModuleType):
    """Importing this package binds it to the name ``nps_ident.identify``, where the verb is promised: so the package can be called, too."""

    __call__ = staticmethod(identify)


sys.modules[__name__].__class__ = _Verb
