"""What the hosted pages say, in the languages they speak."""

from collections.abc import Mapping
from typing import Any, Final

LANGUAGES: Final = ("en", "fr")

TEXTS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "simulated": "Simulated",
        "simulated_long": "No money moves, no card is charged.",
        "shop": "Simulated shop",
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
        "exp": "Expiry (MM/YY)",
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
        "book": "Book for {}",
        "donate": "Donate {}",
        "mandate": "By giving your IBAN you allow {} to collect this amount from your account. The "
        "payment is confirmed once your bank has accepted it, some days later.",
        "test_numbers": "Test cards and accounts",
        "use": "Fill in {}",
        "good_card": "succeeds",
        "secure_card": "asks for 3-D Secure",
        "declined_card": "is declined",
        "poor_card": "has insufficient funds",
        "expired_card": "has expired",
        "disputed_card": "is paid, then disputed",
        "good_iban": "succeeds after some seconds",
        "bad_iban": "fails after some seconds",
        "bank": "Your bank (simulated)",
        "challenge_title": "Confirm your payment",
        "challenge_text": "{} asks for this payment. A real bank would send a code to your phone.",
        "approve": "Approve",
        "refuse": "Refuse",
        "receipt": "Receipt",
        "refunded": "Refunded",
        "reference": "Reference",
    },
    "fr": {
        "simulated": "Simulé",
        "simulated_long": "Aucun argent ne circule, aucune carte n’est débitée.",
        "shop": "Boutique simulée",
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
        "exp": "Expiration (MM/AA)",
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
        "book": "Réserver pour {}",
        "donate": "Donner {}",
        "mandate": "En donnant votre IBAN, vous autorisez {} à prélever ce montant sur votre "
        "compte. Le paiement est confirmé quand votre banque l’a accepté, quelques jours plus "
        "tard.",
        "test_numbers": "Cartes et comptes de test",
        "use": "Remplir avec {}",
        "good_card": "réussit",
        "secure_card": "demande 3-D Secure",
        "declined_card": "est refusée",
        "poor_card": "n’a pas de provision",
        "expired_card": "est expirée",
        "disputed_card": "réussit, puis est contestée",
        "good_iban": "réussit après quelques secondes",
        "bad_iban": "échoue après quelques secondes",
        "bank": "Votre banque (simulée)",
        "challenge_title": "Confirmez votre paiement",
        "challenge_text": "{} demande ce paiement. Une vraie banque enverrait un code sur votre "
        "téléphone.",
        "approve": "Autoriser",
        "refuse": "Refuser",
        "receipt": "Reçu",
        "refunded": "Remboursé",
        "reference": "Référence",
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


# What the bank says, which the API says in English only: the buyer reads it in the page's language.
FRENCH_ERRORS: Final = {
    "card_declined": "Votre carte a été refusée.",
    "insufficient_funds": "Votre carte n’a pas de provision suffisante.",
    "expired_card": "Votre carte est expirée.",
    "incorrect_cvc": "Le code de sécurité de votre carte est incorrect.",
    "invalid_cvc": "Le code de sécurité de votre carte n’est pas valable.",
    "incorrect_number": "Le numéro de votre carte est incorrect.",
    "invalid_expiry_month": "La date d’expiration de votre carte n’est pas valable.",
    "invalid_expiry_year": "La date d’expiration de votre carte est passée.",
    "invalid_bank_account_iban": "Cet IBAN n’est pas valable.",
    "processing_error": "Une erreur est survenue pendant le traitement de votre carte. "
    "Réessayez dans un moment.",
    "payment_intent_authentication_failure": "Votre banque n’a pas pu vous authentifier. "
    "Choisissez un autre moyen de paiement et réessayez.",
    "test_mode_live_card": "Ceci est une simulation : seules les cartes de test sont acceptées.",
}


def said_by_bank(error: Mapping[str, Any], language: str) -> str:
    """``error`` has Stripe's ``code``, ``decline_code`` and English ``message``."""
    message = str(error["message"])
    if language != "fr":
        return message
    codes = (error.get("decline_code"), error.get("code"))
    return next((FRENCH_ERRORS[code] for code in codes if code in FRENCH_ERRORS), message)
