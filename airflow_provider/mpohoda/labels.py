"""What the connection form calls its fields, for the form and for errors.

Apart from the options, so that a Dag file that imports the operators does not pay for these.
"""

from __future__ import annotations

CLIENT_LABEL = "Client Id"
SECRET_LABEL = "Client Secret / API key"  # noqa: S105
HOST_LABEL = "API host"
