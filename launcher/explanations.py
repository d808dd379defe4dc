"""What people read when something goes wrong: words for the provider and for the administrator, code by code."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from launcher.smart.errors import ErrorCode

Words = str | Promise


@dataclass(frozen=True, slots=True)
class Explanation:
    """`title`, `sentence` and `what_to_do` are free of protocol words; `administrator` names cause and remedy.

    The administrator's words are English, as the admin is.
    """

    status: int
    title: Words
    sentence: Words
    what_to_do: Words
    administrator: str


_OPEN_AGAIN = _("Close this page and open the app again from the patient's chart in the EHR.")
_HELP_DESK = _("Use the EHR itself for now, and give your help desk the reference below.")
_TRY_LATER = _("Use the EHR itself for now, and try again in a few minutes.")

EXPLANATIONS: dict[ErrorCode, Explanation] = {
    "launch_incomplete": Explanation(
        400,
        _("Open this from your EHR"),
        _("This page shows a patient only when it is started from a patient's chart. No patient was opened."),
        _("Go back to the chart in the EHR and choose the app there."),
        "The launch came without iss or launch, with a repeated or malformed one, or fits several registrations.",
    ),
    "unknown_issuer": Explanation(
        403,
        _("This EHR is not set up here"),
        _("The app does not know the system that you came from. No patient was opened."),
        _HELP_DESK,
        "No registration of this site has this iss. Compare it with the issuer of the registration, or add one.",
    ),
    "registration_disabled": Explanation(
        403,
        _("Switched off for now"),
        _("Your organisation has paused this app for this EHR. No patient was opened."),
        _("Use the EHR itself, and try again later."),
        "The registration is not enabled, or what the vendor gives for it has not been entered yet.",
    ),
    "discovery_failed": Explanation(
        502,
        _("Your EHR did not answer as expected"),
        _("The app could not find out how to sign in to the EHR. No patient was opened."),
        _HELP_DESK,
        "The discovery documents are missing or unreadable, or name an endpoint that cannot be used.",
    ),
    "ehr_unreachable": Explanation(
        504,
        _("Your EHR is not answering the app"),
        _("The app could not reach the EHR in time. No patient was opened."),
        _TRY_LATER,
        "No connection, a TLS failure or a time-out. Check name, port, certificate and firewall towards the EHR.",
    ),
    "ehr_address_forbidden": Explanation(
        502,
        _("The app may not connect to this EHR"),
        _("The EHR's address is not one that this app is allowed to call. No patient was opened."),
        _HELP_DESK,
        "The address guard refused the host. SMARTPORTAL_ALLOWED_NETWORKS takes the networks of EHRs on site.",
    ),
    "access_denied": Explanation(
        403,
        _("Access was not allowed"),
        _("You, or a rule in your EHR, did not allow the app to read this chart. No patient was opened."),
        _("Open the app again and choose Allow, or use the EHR itself."),
        "The EHR returned access_denied.",
    ),
    "authorization_failed": Explanation(
        400,
        _("The EHR did not let the app sign in"),
        _("Nothing is wrong with your account. No patient was opened."),
        _HELP_DESK,
        "The authorization endpoint returned an error. Check client ID, scopes and redirect URI at the EHR.",
    ),
    "state_unknown": Explanation(
        400,
        _("We lost track of this sign-in"),
        _("It was used before, or took longer than ten minutes. No patient was opened."),
        _OPEN_AGAIN,
        "The callback came with no state, or one that is unknown, used or expired.",
    ),
    "state_foreign": Explanation(
        400,
        _("For safety we stopped"),
        _("This sign-in was begun in another browser or window. No patient was opened."),
        _OPEN_AGAIN,
        "The state belongs to another browser: a cookie was lost, or somebody passed a sign-in link on.",
    ),
    "issuer_mismatch": Explanation(
        400,
        _("For safety we stopped"),
        _("The answer did not come from the EHR where this sign-in began. No patient was opened."),
        _OPEN_AGAIN,
        "The callback belongs to another registration, or its iss parameter (RFC 9207) is wrong or missing.",
    ),
    "client_rejected": Explanation(
        502,
        _("The app could not identify itself to the EHR"),
        _("Nothing is wrong with your account. No patient was opened."),
        _HELP_DESK,
        "The token endpoint refused the client. Check client ID, secret and token authentication method.",
    ),
    "code_rejected": Explanation(
        400,
        _("The sign-in took too long"),
        _("The EHR no longer accepted it. No patient was opened."),
        _OPEN_AGAIN,
        "The token endpoint answered invalid_grant: code expired or used, other redirect URI, or wrong verifier.",
    ),
    "token_unreadable": Explanation(
        502,
        _("Your EHR did not answer as expected"),
        _("The app could not read the EHR's answer to the sign-in. No patient was opened."),
        _HELP_DESK,
        "The token endpoint's answer is not a usable token response.",
    ),
    "identity_invalid": Explanation(
        502,
        _("We could not confirm who signed in"),
        _("The EHR's sign-in answer could not be verified. No patient was opened."),
        _OPEN_AGAIN,
        "The id_token is missing though required, or failed a check. Look at issuer, audience, keys and clocks.",
    ),
    "no_patient": Explanation(
        502,
        _("No patient was selected"),
        _("Your EHR did not say which patient's chart this is, so none was opened."),
        _("Open a patient's chart in the EHR first, then choose the app there."),
        "The token response has no patient. The scope “launch” must be asked for and granted.",
    ),
    "patient_mismatch": Explanation(
        502,
        _("Stopped for patient safety"),
        _("The EHR answered with a different patient. Nothing is shown."),
        _("Close this page, open the app again from the right chart, and report the reference below."),
        "The Patient that was read is not the one of the launch.",
    ),
    "patient_unavailable": Explanation(
        502,
        _("This patient's record could not be opened"),
        _("The EHR did not give the app this patient's record. Nothing is shown."),
        _HELP_DESK,
        "Reading the Patient resource failed. Check the granted scopes and the EHR's status.",
    ),
    "session_ended": Explanation(
        403,
        _("This session has ended"),
        _("For privacy, charts close after a while, and open only in the browser where they were started."),
        _OPEN_AGAIN,
        "The launch is over, was ended, belongs to another browser, or never existed.",
    ),
    "ehr_busy": Explanation(
        503,
        _("The EHR takes no requests just now"),
        _("It is too busy, or has stopped answering. Nothing is shown."),
        _TRY_LATER,
        "The EHR answered 429 or 503, or has stopped answering (reason “circuit”): then one request is sent each "
        "ten seconds, and the first answer ends it. The connection check asks at once.",
    ),
    "unavailable": Explanation(
        503,
        _("The app is not available for a moment"),
        _("A part of the app is out of order. No patient was opened."),
        _TRY_LATER,
        "Database, keys or a secret's source are not usable; /readyz and the log name which.",
    ),
    "cookies_blocked": Explanation(
        200,
        _("Your browser blocked this app inside the EHR"),
        _("It needs one small cookie to keep this patient's page apart from others."),
        _("Choose “Open in a new window”."),
        "The browser keeps no third-party cookies. Allow this site in the browser's policy to use it in the frame.",
    ),
    "too_many_requests": Explanation(
        429,
        _("Please wait a minute"),
        _("There were too many attempts from this computer."),
        _("Wait a minute, then open the app again from the patient's chart in the EHR."),
        "Rate limit per client address.",
    ),
    "form_expired": Explanation(
        403,
        _("This form is out of date"),
        _("Nothing was changed."),
        _("Go back, reload the page and try again."),
        "The form's token is missing or not of this session.",
    ),
    "not_found": Explanation(
        404,
        _("Nothing here"),
        _("There is no page at this address."),
        _("Open the app from a patient's chart in the EHR."),
        "Unknown address, host name or registration.",
    ),
    "method_not_allowed": Explanation(
        405,
        _("This address does not take that"),
        _("Nothing was changed."),
        _("Open the app from a patient's chart in the EHR."),
        "The address exists, but not for this HTTP method.",
    ),
    "internal": Explanation(
        500,
        _("Something went wrong on our side"),
        _("No data was changed."),
        _HELP_DESK,
        "An unexpected error; the log has the traceback under this reference.",
    ),
}


def explain(code: ErrorCode) -> Explanation:
    return EXPLANATIONS[code]
