import time
from uuid import UUID

from resend_client import AuthenticatedClient
from resend_client.api.approvals import resend_approval
from resend_client.api.jobs import show_job
from resend_client.models import Approval, FailedJob, Failure, ProcessedJob


def resend(api: AuthenticatedClient, patient: UUID, approval: UUID, key: str) -> Approval:
    """Sends the code of an approval again. Raises the reason if that fails."""
    asked = resend_approval.sync_detailed(patient, approval, client=api, idempotency_key=key)
    if isinstance(asked.parsed, Failure):
        raise RuntimeError(asked.parsed.error.reason)
    job = asked.headers["Location"].rsplit("/", 1)[-1]
    while True:
        # Answered as soon as the job ends, or after 30 seconds.
        read = show_job.sync(job, client=api, prefer="wait=30")
        if isinstance(read, Failure):
            raise RuntimeError(read.error.reason)
        match read.data:
            case ProcessedJob():
                return read.data.response_data
            case FailedJob():
                raise RuntimeError(read.data.error.reason)
        time.sleep(1)
