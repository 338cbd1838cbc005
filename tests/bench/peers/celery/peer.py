"""FastAPI + Celery: the two routes and a job that does nothing. Role by argument, Redis by REDIS_URL."""

import asyncio
import json
import os
import socket
import sys
import time
import uuid
from datetime import datetime, timezone

import uvicorn
from celery import Celery
from celery.signals import worker_ready
from fastapi import FastAPI, Request, Response

REDIS = os.environ["REDIS_URL"]
tasks = Celery("peer", broker=REDIS, backend=REDIS)
tasks.conf.update(
    worker_redirect_stdouts=False,
    broker_connection_retry_on_startup=True,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
)


def say(**line):
    os.write(1, (json.dumps(line) + "\n").encode())


@tasks.task(name="resend")
def resend(patient, approval, sent=None):
    if sent:
        say(waited_ms=(time.time() - sent) * 1000)


@worker_ready.connect
def ready(**_):
    say(message="listening", address="127.0.0.1:0")


app = FastAPI()


def envelope(request, code, status, job):
    eta = datetime.now(timezone.utc).isoformat()
    data = {"status": status, "eta": eta, "links": [{"entity": "job", "href": f"/Jobs/{job}"}]}
    meta = {"code": code, "url": str(request.url), "type": "object", "request_id": uuid.uuid4().hex}
    return {"data": data, "meta": meta}


# Celery blocks while it sends, so the routes are plain functions, which FastAPI runs in threads.
@app.patch("/api/patients/{patient}/approvals/{approval}/actions/resend", status_code=202)
def accept(patient: str, approval: str, request: Request, response: Response):
    job = resend.delay(patient, approval).id
    response.headers["Location"] = f"/Jobs/{job}"
    response.headers["Retry-After"] = "1"
    return envelope(request, 202, "pending", job)


# Celery also answers PENDING for unknown jobs.
@app.get("/Jobs/{job_id}")
def show(job_id: str, request: Request):
    done = tasks.AsyncResult(job_id).ready()
    return envelope(request, 200, "processed" if done else "pending", job_id)


def serve():
    listener = socket.create_server(("127.0.0.1", 0))
    say(message="listening", address=f"127.0.0.1:{listener.getsockname()[1]}")
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    asyncio.run(server.serve(sockets=[listener]))


def fill(jobs):
    for _ in range(jobs):
        resend.delay(str(uuid.uuid4()), str(uuid.uuid4()))


def pickup(jobs):
    for _ in range(jobs):
        until = time.time() + 0.02
        resend.delay(str(uuid.uuid4()), str(uuid.uuid4()), time.time())
        time.sleep(max(0, until - time.time()))


if __name__ == "__main__":
    role = sys.argv[1]
    if role == "api":
        serve()
    elif role == "worker":
        options = ["--pool", "threads", "--concurrency", "100", "--loglevel", "warning"]
        tasks.worker_main(["worker", *options, "--without-gossip", "--without-mingle"])
    else:
        {"fill": fill, "pickup": pickup}[role](int(sys.argv[2]))
