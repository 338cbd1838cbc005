"""Clients of the API behind a proxy: so many requests a second for so long, each a PATCH for a patient of its own and a long
poll of its job, and one event stream. Prints how many failed, and each kind of failure; exits 1 if any did."""

import collections
import http.client
import json
import sys
import threading
import time
import urllib.request

base, sandbox, rate, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4])
host, port = base.split(":")
TOKEN = {"Authorization": "Bearer mis-a-token"}
count = int(rate * seconds / 2)
request = urllib.request.Request(f"{sandbox}/sandbox/approvals/bulk?count={count}", method="POST")
people = json.load(urllib.request.urlopen(request))
failures, done, lock, local = collections.Counter(), collections.Counter(), threading.Lock(), threading.local()


def call(method, path, headers):
    connection = getattr(local, "connection", None)
    if connection is None:
        connection = local.connection = http.client.HTTPConnection(host, int(port), timeout=40)
    try:
        connection.request(method, path, headers={**TOKEN, **headers})
        answer = connection.getresponse()
        body = answer.read()
        if answer.will_close:
            connection.close()
        return answer.status, answer.headers, body
    except Exception as error:
        connection.close()
        return repr(error), {}, b""


def count_one(kind, status, expected):
    with lock:
        done[kind] += 1
        if status != expected:
            failures[f"{kind}: {status}"] += 1


def work(mine):
    for at, person in mine:
        time.sleep(max(0, start + at - time.monotonic()))
        path = f"/api/patients/{person['patient_id']}/approvals/{person['approval_id']}/actions/resend"
        status, headers, _ = call("PATCH", path, {"Content-Length": "0"})
        count_one("PATCH", status, 202)
        if status == 202:
            status, _, _ = call("GET", headers["Location"], {"Prefer": "wait=5"})
            count_one("GET", status, 200)


def stream():
    person = people[0]
    path = f"/api/patients/{person['patient_id']}/approvals/{person['approval_id']}/actions/resend"
    status, headers, body = call("PATCH", path, {"Content-Length": "0"})
    count_one("PATCH", status, 202)
    if status != 202:
        sys.exit(f"the first PATCH was answered {status}: {body.decode(errors='replace')}")
    status, headers, body = call("GET", headers["Location"] + "/events", {})
    count_one("events", status if b"processed" in body else body, 200)


def ready():
    """Waits until the proxy answers: it was started a moment ago."""
    until = time.monotonic() + 10
    while call("GET", "/openapi.json", {})[0] != 200 and time.monotonic() < until:
        time.sleep(0.05)


ready()
start = time.monotonic()
stream()
start = time.monotonic()
paced = [(2 * number / rate, person) for number, person in enumerate(people[1:])]
threads = [threading.Thread(target=work, args=(paced[one::32],)) for one in range(32)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
took = time.monotonic() - start
print(f"{sum(done.values())} requests in {took:.0f} s ({dict(done)}), {sum(failures.values())} failed {dict(failures) or ''}")
sys.exit(1 if failures else 0)
