"""What the hosted pages say, in the languages they speak."""

from typing import Final

LANGUAGES: Final = ("en", "fr")

TEXTS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "simulated": "Simulated",
        "simulated_long": "Simulated payment: no money moves, no card is charged.",
        "pay_title": "Payment",
        "total": "Total",
        "back": "Back",
        "quantity": "Qty {}",
        "each": "{} each",
        "contact": "Contact",
        "email": "Email",
        "method": "Payment method",
        "card": "Card",
        "sepa_debit": "SEPA Direct Debit",
        "card_number": "Card number",
        "exp": "Expiry (MM / YY)",
        "cvc": "Security code",
        "name": "Full name",
        "cardholder": "Cardholder name",
        "iban": "IBAN",
        "pay": "Pay {}",
        "confirm_free": "Confirm",
        "processing": "Processing…",
        "expired_title": "This payment page has expired",
        "expired_text": "Nothing was charged. Go back to the shop to start again.",
        "complete_title": "This payment is already done",
        "complete_text": "You can close this page.",
        "unknown_title": "This page does not exist",
        "unknown_text": "The address may be incomplete.",
        "return": "Back to the shop",
        "please_check": "Please check the form",
        "required": "Please fill in this field.",
        "bad_email": "This is not an e-mail address.",
        "bad_exp": "Write the expiry date as 12 / 34.",
    },
    "fr": {
        "simulated": "Simulé",
        "simulated_long": "Paiement simulé : aucun argent ne circule, aucune carte n’est débitée.",
        "pay_title": "Paiement",
        "total": "Total",
        "back": "Retour",
        "quantity": "Qté {}",
        "each": "{} l’unité",
        "contact": "Coordonnées",
        "email": "E-mail",
        "method": "Moyen de paiement",
        "card": "Carte",
        "sepa_debit": "Prélèvement SEPA",
        "card_number": "Numéro de carte",
        "exp": "Expiration (MM / AA)",
        "cvc": "Code de sécurité",
        "name": "Nom complet",
        "cardholder": "Nom du titulaire",
        "iban": "IBAN",
        "pay": "Payer {}",
        "confirm_free": "Confirmer",
        "processing": "Traitement…",
        "expired_title": "Cette page de paiement a expiré",
        "expired_text": "Rien n’a été débité. Retournez sur le site pour recommencer.",
        "complete_title": "Ce paiement est déjà fait",
        "complete_text": "Vous pouvez fermer cette page.",
        "unknown_title": "Cette page n’existe pas",
        "unknown_text": "L’adresse est peut-être incomplète.",
        "return": "Retour au site",
        "please_check": "Vérifiez le formulaire",
        "required": "Remplissez ce champ.",
        "bad_email": "Ce n’est pas une adresse e-mail.",
        "bad_exp": "Écrivez la date d’expiration ainsi : 12 / 34.",
    },
}


def language_of(locale: str | None, accepted: str) -> str:
    """The session's ``locale``; for ``auto`` or none, the first language the browser asks for."""
    wanted = [locale] if locale and locale != "auto" else accepted.split(",")
    for each in wanted:
        code = each.strip()[:2].lower()
        if code in LANGUAGES:
            return code
    return "en"
