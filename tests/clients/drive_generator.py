"""Drives the running service with what openapi-generator generated for Python: every case.

    python drive_generator.py API SANDBOX cases.json
"""

from cases import api, drive, id_of
from resend_generated import ApiClient, ApprovalsApi, Configuration, JobsApi, VerificationsApi
from resend_generated.exceptions import ApiException
from resend_generated.models import CodeToCheck, CodeToCheckCode, FailedJob, ProcessedJob


def client(token):
    return ApiClient(Configuration(host=api, access_token=token))


def ask(case):
    of = client(case.get("token", "mis-a-token"))
    try:
        asked = ApprovalsApi(of).resend_approval_with_http_info(
            id_of(1, case["number"]),
            id_of(2, case["number"]),
            prefer=f"wait={case['wait']}" if "wait" in case else None,
            idempotency_key="k" * case["key"] if "key" in case else None,
        )
    except ApiException as refused:
        error = refused.data.error
        return {"answers": refused.status, "type": error.type.value, "reason": error.reason.value}
    found = {"answers": asked.status_code}
    if asked.status_code == 201:
        return found
    link = asked.data.data.links[0].href
    match JobsApi(of).show_job(link.rsplit("/", 1)[-1], prefer="wait=20").data.actual_instance:
        case ProcessedJob(status_code=status):
            return found | {"job": status}
        case FailedJob(status_code=status, error=error):
            return found | {"job": status, "type": error.type.value, "reason": error.reason.value}


def verify(phone, code):
    try:
        body = CodeToCheck(code=CodeToCheckCode(code))
        return VerificationsApi(client("otp-token")).complete_verification(phone, body).data.status
    except ApiException as refused:
        return refused.data.error.reason.value


drive(ask, verify)
