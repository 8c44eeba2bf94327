"""The texts by which wolkvox's refusals are told apart.

The module uses the standard library alone: ``import airflow`` loads it through ``get_provider_info``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

# A daily limit is the quota, whatever it is called: it is no throttling.
_NOT_DAILY = r"^(?!.*(daily|diari|today|per day|\bhoy\b|por d[ií]a|al d[ií]a))"
# What a 400 says of a field of a record is said of that record.
_NO_FIELD = r"(?!.*\b(field|campo|charact|car[aá]cter))"
# In whatever tense, and in any order: "límite excedido", "se excedió el límite".
_BEYOND = r"(?=.*(exceed|exced|reached|exhausted|super[aoó]|agot|alcanz))"
# Of one address, or of a time that is shorter than a day.
_PACE = r"(?=.*\b(ip|minuto?|minute|segundo|second|momento?)\b)"

CONCURRENCY = (
    r"simultaneous|simult[aá]ne|"
    rf"{_NOT_DAILY}.*(rate limit|too many requests|demasiadas (peticion|solicitud))|"
    rf"{_NOT_DAILY}{_BEYOND}{_PACE}"
)
MAINTENANCE = r"maintenance|backup|mantenimiento|respaldo|copia de seguridad"
QUOTA = rf"limit exceeded|quota|cuota|^(?=.*(\blimit\b|l[ií]mite|\bconsumo|\busos\b)){_BEYOND}"
REFUSED = r"token"

SENTENCES = {
    "concurrency": (
        rf"{_NOT_DAILY}{_NO_FIELD}.*((requests|peticiones|solicitudes) simult[aá]ne|"
        r"simultaneous requests|rate limit exceeded|too many requests|demasiadas (peticiones|solicitudes))|"
        rf"{_NOT_DAILY}{_NO_FIELD}{_BEYOND}{_PACE}(?=.*(requests|peticiones|solicitudes))"
    ),
    "maintenance": (
        rf"^{_NO_FIELD}.*\b(api|servi\w+|server|system|sistema|wolkvox)\b.{{1,30}}"
        r"(under maintenance|en mantenimiento)"
    ),
    "quota": (
        rf"^{_NO_FIELD}.*(token limit exceeded|"
        r"daily (\w+ )?(limit|quota) (\w+ ){0,3}(exceeded|exhausted|reached)|"
        r"(exceeded|exhausted|reached) (\w+ )?daily (\w+ )?(limit|quota)|"
        r"(exced|super|agot|alcanz)\w+ (el |la |su )?(l[ií]mite|cuota) diari[oa]|"
        r"(l[ií]mite|cuota) diari[oa] (\w+ ){0,5}(excedid|superad|agotad|alcanzad))"
    ),
    "token": r"(validate|enter) the wolkvox-token|validate token|wolkvox-token (is )?(invalid|inv[aá]lid)",
}
"""What is clear beside any other 4xx: whole sentences, since a field of the CRM may be called "Quota"."""

FORMER = (
    r"limit exceeded|quota|l[ií]mite .*(excedid|superad|agotad)",
    r"simultaneous|simult[aá]ne",
    (
        r"simultaneous|simult[aá]ne|^(?!.*(daily|diari|today|per day|\bhoy\b|por d[ií]a|al d[ií]a))"
        r".*(rate limit|too many requests|demasiadas (peticion|solicitud))"
    ),
    (
        r"limit exceeded|quota|cuota|^(?=.*l[ií]mite)(?=.*(excedid|superad|agotad|alcanzad))|"
        r"^(?=.*\blimit\b)(?=.*(exceed|reached|exhausted))"
    ),
)
"""Earlier defaults, which the connection form has stored. They are nobody's own."""


@dataclass(frozen=True, slots=True)
class ForbiddenTexts:
    """Regular expressions that tell apart what a 403 of wolkvox can mean, case ignored.

    :param concurrency: too many requests at once, of one token or one address
    :param maintenance: the API is switched off for a while
    :param quota: the daily quota is used up
    :param token: the token is refused
    """

    concurrency: str = CONCURRENCY
    maintenance: str = MAINTENANCE
    quota: str = QUOTA
    token: str = REFUSED

    def beside(self, status: int) -> ForbiddenTexts:
        """Return the expressions to use beside a status.

        Those of a 403 may be single words. Beside another status they are whole sentences, except where the
        connection has an expression of its own.

        :param status: HTTP status, or the code of the envelope
        """
        if status == 403:
            return self
        usual = ForbiddenTexts()
        return replace(
            self,
            **{
                name: sentence
                for name, sentence in SENTENCES.items()
                if getattr(self, name) == getattr(usual, name)
            },
        )
