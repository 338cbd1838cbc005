"""What Schemathesis leaves out: HEAD of every route that has GET and, with FUZZ_HTTP2=1, HTTP/2 with prior knowledge."""

import copy
import io
import os

import httpx
import requests
import schemathesis
import urllib3

HTTP2 = os.environ.get("FUZZ_HTTP2") == "1"
CLIENT = httpx.Client(http1=not HTTP2, http2=HTTP2, timeout=40, trust_env=False)
# HTTP/2 has the host in `:authority`, and forbids these headers.
OF_HTTP1 = {"connection", "host", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}
# What may differ between a HEAD and the GET after it: the framing, the time, and the progress of a job.
MAY_DIFFER = {"connection", "date", "preference-applied", "retry-after", "transfer-encoding"}
VALUE_MAY_DIFFER = {"content-length", "etag", "x-request-id"}


@schemathesis.hook
def before_load_schema(_context, raw_schema):
    for item in raw_schema["paths"].values():
        if "get" in item:
            item["head"] = head = copy.deepcopy(item["get"])
            head["operationId"] += "Head"
            for answer in head["responses"].values():
                answer.pop("content", None)


@schemathesis.check
def head_is_get_without_body(_context, response, case):
    if case.method.upper() == "HEAD":
        assert response.content == b"", f"HEAD was answered with a body: {response.content!r}"
        get = CLIENT.send(as_sent(response.request, "GET"), stream=True)
        get.close()
        answers = [(answer.status_code, comparable(answer.headers)) for answer in (response, get)]
        assert answers[0] == answers[1], f"HEAD and GET were answered {answers}"


def comparable(headers):
    values = {name: "" if name in VALUE_MAY_DIFFER else headers[name] for name in headers if name not in MAY_DIFFER}
    return {name: value[0] if isinstance(value, list) else value for name, value in values.items()}


def as_sent(request, method):
    headers = [
        (name, value if isinstance(value, bytes) else value.encode("latin-1"))
        for name, value in request.headers.items()
        if name.lower() not in OF_HTTP1
    ]
    return CLIENT.build_request(method, request.url, headers=headers, content=request.body)


class Http2Adapter(requests.adapters.HTTPAdapter):
    """A stream or a connection that the server resets is an error, which Schemathesis reports."""

    def send(self, request, **_):
        try:
            answer = CLIENT.send(as_sent(request, request.method))
        except httpx.TimeoutException as error:
            raise requests.Timeout(error, request=request) from error
        except httpx.HTTPError as error:
            raise requests.ConnectionError(error, request=request) from error
        raw = urllib3.HTTPResponse(
            io.BytesIO(answer.content),
            answer.headers.multi_items(),
            answer.status_code,
            version=20,
            preload_content=False,
            request_method=request.method,
        )
        return self.build_response(request, raw)


if HTTP2:
    # Every session mounts it.
    requests.sessions.HTTPAdapter = Http2Adapter
