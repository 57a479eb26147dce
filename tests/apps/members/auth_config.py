"""Two providers of one address, which the environment names."""

from __future__ import annotations

import os

from realtime import CustomJwt, Oidc

address = os.environ.get("MEMBERS_PROVIDER", "https://members.example")
algorithm = "RS256"

providers = [
    Oidc(domain=address, application_id="members"),
    CustomJwt(issuer=f"{address}/custom", jwks=f"{address}/keys", algorithm=algorithm),
]
