"""Drives the running service with what openapi-python-client generated: every case, and the example of the README.

    python drive_client.py API SANDBOX cases.json
"""

from cases import api, drive, equal, id_of
from resend import resend
from resend_client import AuthenticatedClient
from resend_client.api.approvals import resend_approval
from resend_client.api.jobs import show_job
from resend_client.api.verifications import complete_verification
from resend_client.models import CodeToCheck, FailedJob, Failure, PendingJob, SuccessApproval
from resend_client.types import UNSET


def client(token):
    return AuthenticatedClient(base_url=api, token=token, timeout=30)


def ask(case):
    of = client(case.get("token", "mis-a-token"))
    asked = resend_approval.sync_detailed(
        id_of(1, case["number"]),
        id_of(2, case["number"]),
        client=of,
        prefer=f"wait={case['wait']}" if "wait" in case else UNSET,
        idempotency_key="k" * case["key"] if "key" in case else UNSET,
    )
    found = {"answers": int(asked.status_code)}
    match asked.parsed:
        case Failure(error=error):
            return found | {"type": error.type_, "reason": error.reason}
        case SuccessApproval():
            return found
    job = show_job.sync(asked.headers["Location"].rsplit("/", 1)[-1], client=of, prefer="wait=20").data
    assert not isinstance(job, PendingJob), job
    found["job"] = job.status_code
    if isinstance(job, FailedJob):
        found |= {"type": job.error.type_, "reason": job.error.reason}
    return found


def verify(phone, code):
    answer = complete_verification.sync(phone, client=client("otp-token"), body=CodeToCheck(code))
    return answer.error.reason if isinstance(answer, Failure) else answer.data.status


drive(ask, verify)
mine = client("mis-a-token")
equal("the README's example", resend(mine, id_of(1, 7), id_of(2, 7), "a-key").id, id_of(2, 7))
try:
    refused = resend(mine, id_of(1, 52), id_of(2, 52), "another-key")
except RuntimeError as error:
    refused = str(error)
equal("the README's example, refused", refused, "method_not_otp")
equal("a job that is none", show_job.sync("no-job-of-this-client", client=mine).error.reason, "job_not_found")
