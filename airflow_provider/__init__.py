"""Apache Airflow provider for vendor APIs; the vendors are the rows of ``vendors.py``.

``import airflow`` loads every installed provider, so this module uses the standard library only: an import of
anything from ``airflow`` here would be circular and break Airflow for the whole installation.
"""

from __future__ import annotations

__version__ = "0.1.0"
