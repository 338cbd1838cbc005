"""What every generated client is driven through: the cases of cases.json, and checks of a code."""

import json
import sys
import urllib.parse
import urllib.request
from uuid import UUID

api, sandbox, file = sys.argv[1:]
MEMBERS = ("answers", "job", "type", "reason")


def id_of(kind, number):
    return UUID(f"{kind}0000000-0000-4000-8000-{number:012}")


def fault(method, body=None):
    request = urllib.request.Request(f"{sandbox}/sandbox/faults", body and json.dumps(body).encode(), method=method)
    urllib.request.urlopen(request).close()


def code_on(phone):
    with urllib.request.urlopen(f"{sandbox}/inbox.json?to={urllib.parse.quote(phone)}") as inbox:
        return json.load(inbox)[-1]["text"].split()[-1]


def equal(what, found, expected):
    if found != expected:
        raise SystemExit(f"{what}: {found}, not {expected}")


def drive(ask, verify):
    """ask(case) tells what the PATCH was answered and what its job came to; verify(phone, code) the word of its answer."""
    with open(file) as cases:
        cases = json.load(cases)
    for case in cases:
        if "fault" in case:
            fault("POST", case["fault"])
        found = ask(case)
        fault("DELETE")
        equal(case["name"], found, {member: case[member] for member in MEMBERS if member in case})
    phone = f"+380200000{cases[0]['number']:03}"
    code = code_on(phone)
    equal("a wrong code, as a number", verify(phone, 1 if code == "000000" else 0), "code_invalid")
    equal("the code on the phone", verify(phone, code), "verified")
    print(f"{len(cases) + 2} cases")
