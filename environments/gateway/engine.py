"""With what does a process open DuckDB that reads what people wrote? Nothing is fetched, and no frame is looked up."""

from __future__ import annotations

from types import MappingProxyType

SHUT_OFF = MappingProxyType(
    {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
        "python_enable_replacements": False,
    }
)
