"""FastAPI + arq: the two routes and a job that does nothing. Role by argument, Redis by REDIS_URL."""

import asyncio
import json
import os
import socket
import sys
import time
import uuid
from contextlib import asynccontextmanager
from datetime import datetime, timezone

import uvicorn
from arq import create_pool, run_worker
from arq.connections import RedisSettings
from arq.jobs import Job, JobStatus
from fastapi import FastAPI, Request, Response

SETTINGS = RedisSettings.from_dsn(os.environ["REDIS_URL"])


def say(**line):
    os.write(1, (json.dumps(line) + "\n").encode())


async def resend(_, patient, approval, sent=None):
    if sent:
        say(waited_ms=(time.time() - sent) * 1000)


@asynccontextmanager
async def lifespan(app):
    app.state.pool = await create_pool(SETTINGS)
    yield


app = FastAPI(lifespan=lifespan)


def envelope(request, code, status, job):
    eta = datetime.now(timezone.utc).isoformat()
    data = {"status": status, "eta": eta, "links": [{"entity": "job", "href": f"/Jobs/{job}"}]}
    meta = {"code": code, "url": str(request.url), "type": "object", "request_id": uuid.uuid4().hex}
    return {"data": data, "meta": meta}


@app.patch("/api/patients/{patient}/approvals/{approval}/actions/resend", status_code=202)
async def accept(patient: str, approval: str, request: Request, response: Response):
    job = await request.app.state.pool.enqueue_job("resend", patient, approval)
    response.headers["Location"] = f"/Jobs/{job.job_id}"
    response.headers["Retry-After"] = "1"
    return envelope(request, 202, "pending", job.job_id)


@app.get("/Jobs/{job_id}")
async def show(job_id: str, request: Request, response: Response):
    status = await Job(job_id, request.app.state.pool).status()
    if status == JobStatus.not_found:
        response.status_code = 404
        return {"error": {"type": "not_found", "message": "Not found"}}
    return envelope(request, 200, "processed" if status == JobStatus.complete else "pending", job_id)


class Working:
    functions = [resend]
    redis_settings = SETTINGS
    max_jobs = 100
    # The shortest polling interval that leaves the machine idle; the default is half a second.
    poll_delay = 0.01

    @staticmethod
    async def on_startup(_):
        say(message="listening", address="127.0.0.1:0")


def serve():
    listener = socket.create_server(("127.0.0.1", 0))
    say(message="listening", address=f"127.0.0.1:{listener.getsockname()[1]}")
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    asyncio.run(server.serve(sockets=[listener]))


async def fill(jobs):
    pool = await create_pool(SETTINGS)
    for start in range(0, jobs, 50):
        ids = (str(uuid.uuid4()) for _ in range(start, min(start + 50, jobs)))
        await asyncio.gather(*(pool.enqueue_job("resend", one, one) for one in ids))


async def pickup(jobs):
    pool = await create_pool(SETTINGS)
    for _ in range(jobs):
        until = time.time() + 0.02
        await pool.enqueue_job("resend", str(uuid.uuid4()), str(uuid.uuid4()), time.time())
        await asyncio.sleep(max(0, until - time.time()))


if __name__ == "__main__":
    role = sys.argv[1]
    if role == "api":
        serve()
    elif role == "worker":
        run_worker(Working)
    else:
        asyncio.run({"fill": fill, "pickup": pickup}[role](int(sys.argv[2])))
