"""An xDS control plane: tests/go_tools/xds_server, which is go-control-plane told what to serve."""

import json
import subprocess
import threading

from support.waiting import PATIENCE, eventually

CDS = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
EDS = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"


def assignment(cluster, *addresses, **of_locality):
    """A ClusterLoadAssignment in protobuf's JSON, all in one locality."""
    def lb_endpoint(address):
        host, port = address.rsplit(":", 1)
        return {"endpoint": {"address": {"socketAddress": {"address": host, "portValue": int(port)}}}}

    locality = {"lbEndpoints": [lb_endpoint(address) for address in addresses], **of_locality}
    return {"clusterName": cluster, "endpoints": [locality] if addresses else []}


def eds_cluster(name, service_name="", squad=""):
    """A Cluster of type EDS in protobuf's JSON."""
    cluster = {"name": name, "type": "EDS", "edsClusterConfig": {"serviceName": service_name, "edsConfig": {"ads": {}}}}
    if squad:
        cluster["metadata"] = {"filterMetadata": {"naru": {"squad": squad}}}
    return cluster


class XdsServer:
    """Listens on a port of the system's choice, or on `port`. Serves nothing until it is told."""

    def __init__(self, tools, port=0, ads=False, host="127.0.0.1"):
        self.requests = []  # in the order in which they came
        self._set = []
        self._process = subprocess.Popen(
            [tools / "xds_server", "-listen", f"{host}:{port}", *(["-ads"] if ads else [])],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = json.loads(self._process.stdout.readline())["listening"]
        self.address = f"{host}:{self.port}"
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            event = json.loads(line)
            if "set" in event:
                self._set.append(event["set"])
            if "request" in event:
                self.requests.append(event["request"])

    def serve(self, version, *assignments, clusters=()):
        """From now on this, and nothing else."""
        command = {"version": version, "clusters": list(clusters), "assignments": list(assignments)}
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        eventually(lambda: version in self._set, f"version {version} is served")

    def asked(self, **fields):
        """The first request that says all this, as soon as it comes."""
        def found():
            return [each for each in self.requests if fields.items() <= each.items()]

        return eventually(found, f"a request with {fields}")[0]

    def acknowledged(self, version, kind=EDS):
        return self.asked(type=kind, version=version, error="")

    def stop(self):
        self._process.kill()
        self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        self._process.stdin.close()
        self._process.stdout.close()
