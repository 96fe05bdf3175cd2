"""A Cloud Map that a test scripts: what services there are, how their revisions move, when the quota is used up. It
verifies every signature, and also plays the endpoints from which a task or an instance gets its credentials."""

import contextlib
import hashlib
import hmac
import http.server
import json
import threading

ACCESS_KEY, SECRET, TOKEN = "ASIATEST", "the secret", "the session token"
REGION = "ap-northeast-2"
TARGET = "Route53AutoNaming_v20170314."
TASK_CREDENTIALS = "/v2/credentials/of-the-task"
ROLE = "/latest/meta-data/iam/security-credentials/"


def _hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def why_not_signed(method, path, headers, body, secret=SECRET, region=REGION, service="servicediscovery"):
    """What is wrong with the signature of a request, by the rules of Signature Version 4; None when it is right."""
    authorization = headers.get("authorization", "")
    algorithm, _, rest = authorization.partition(" ")
    parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    if algorithm != "AWS4-HMAC-SHA256" or set(parts) != {"Credential", "SignedHeaders", "Signature"}:
        return f"no signature: {authorization!r}"
    time = headers.get("x-amz-date", "")
    scope = f"{time[:8]}/{region}/{service}/aws4_request"
    if parts["Credential"] != f"{ACCESS_KEY}/{scope}":
        return f"signed for {parts['Credential']}"
    names = parts["SignedHeaders"].split(";")
    missing = {"host", "x-amz-date", "x-amz-target", "x-amz-security-token"} - set(names)
    if missing:
        return f"not signed: {missing}"
    canonical = "\n".join([method, path, "", *(f"{name}:{headers[name].strip()}" for name in names), "",
                           parts["SignedHeaders"], hashlib.sha256(body).hexdigest()])
    to_sign = "\n".join([algorithm, time, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + secret).encode()
    for word in scope.split("/"):
        key = _hmac(key, word)
    expected = _hmac(key, to_sign).hex()
    return None if hmac.compare_digest(expected, parts["Signature"]) else f"the signature should be {expected}"


class Service:
    def __init__(self):
        self.revision = 1
        self.instances = {}

    def register(self, name, ip, port, **attributes):
        self.instances[name] = {"AWS_INSTANCE_IPV4": ip, "AWS_INSTANCE_PORT": str(port), **attributes}
        self.revision += 1

    def deregister(self, name):
        del self.instances[name]
        self.revision += 1


class CloudMap:
    """`services` is {(namespace, service): Service}; a test changes it while naru asks."""

    def __init__(self, host="127.0.0.1"):
        self.services = {}
        self.asked = []        # ("DiscoverInstances", namespace, service), one a request
        self.unsigned = []     # what was wrong with signatures
        self.throttles = False
        self.failures = []     # types of errors to answer the next requests with
        self.credentials_asked = 0
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self._answer(server._discover)

            def do_PUT(self):
                self._answer(server._metadata)

            def do_GET(self):
                self._answer(server._metadata)

            def _answer(self, how):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                status, answer = how(self.command, self.path, headers, body)
                payload = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *_):
                pass

        self._http = http.server.ThreadingHTTPServer((host, 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.url = "http://%s:%d" % self._http.server_address

    def stop(self):
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def service(self, namespace, name):
        return self.services.setdefault((namespace, name), Service())

    def count(self, kind):
        return sum(asked[0] == kind for asked in list(self.asked))

    def _discover(self, method, path, headers, body):
        problem = why_not_signed(method, path, headers, body)
        if problem:
            self.unsigned.append(problem)
            return 403, {"__type": "InvalidSignatureException", "message": problem}
        request = json.loads(body)
        kind = headers.get("x-amz-target", "").removeprefix(TARGET)
        name = (request.get("NamespaceName"), request.get("ServiceName"))
        self.asked.append((kind, *name))
        if self.throttles:
            return 400, {"__type": "RequestLimitExceeded", "Message": "the quota is used up"}
        if self.failures:
            return 400, {"__type": self.failures.pop(0), "Message": "as the test says"}
        if name[0] not in {namespace for namespace, _ in self.services}:
            return 400, {"__type": "NamespaceNotFound", "Message": name[0]}
        if name not in self.services:
            return 400, {"__type": "ServiceNotFound", "Message": name[1]}
        service = self.services[name]
        if kind == "DiscoverInstancesRevision":
            return 200, {"InstancesRevision": service.revision}
        if kind != "DiscoverInstances":
            return 400, {"__type": "UnknownOperationException"}
        instances = [{"InstanceId": key, "NamespaceName": name[0], "ServiceName": name[1], "HealthStatus": "HEALTHY",
                      "Attributes": attributes} for key, attributes in list(service.instances.items())]
        return 200, {"Instances": instances, "InstancesRevision": service.revision}

    # What answers on link-local addresses in reality

    def _metadata(self, method, path, headers, body):
        del body
        credentials = {"AccessKeyId": ACCESS_KEY, "SecretAccessKey": SECRET, "Token": TOKEN,
                       "Expiration": "2099-01-01T00:00:00Z"}
        if path == TASK_CREDENTIALS and headers.get("authorization") == "the agent's token":
            self.credentials_asked += 1
            return 200, {"RoleArn": "arn:aws:iam::111122223333:role/task", **credentials}
        if path == "/v4/task/taskWithTags":
            return 200, {"Cluster": "prod", "TaskARN": f"arn:aws:ecs:{REGION}:111122223333:task/prod/1234",
                         "Family": "video-api", "AvailabilityZone": f"{REGION}a", "TaskTags": {"squad": "video"}}
        if (method, path) == ("PUT", "/latest/api/token") and headers.get("x-aws-ec2-metadata-token-ttl-seconds"):
            return 200, "the metadata token"
        if headers.get("x-aws-ec2-metadata-token") != "the metadata token":
            return 401, ""
        if path == ROLE:
            return 200, "role-of-the-instance"
        if path == ROLE + "role-of-the-instance":
            self.credentials_asked += 1
            return 200, {"Code": "Success", "Type": "AWS-HMAC", **credentials}
        if path == "/latest/meta-data/placement/region":
            return 200, REGION
        return 404, ""


@contextlib.contextmanager
def running(host="127.0.0.1"):
    cloud_map = CloudMap(host)
    try:
        yield cloud_map
    finally:
        cloud_map.stop()
