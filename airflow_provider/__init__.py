"""Apache Airflow provider for the vendor APIs of Imbee, wolkvox CRM, mPOHODA and Mobadoo.

``import airflow`` loads every installed provider, so this module uses the standard library only: an import of
anything from ``airflow`` here would be circular and break Airflow for the whole installation.
"""

from __future__ import annotations

__version__ = "0.1.0"
