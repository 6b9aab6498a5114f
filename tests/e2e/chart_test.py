"""The chart of deploy/helm: chart_test.py PROGRAM

Its templates are rendered by tests/e2e/chart/render.go, which has Helm's functions from the libraries
that Helm itself takes them from; what comes out is read as Kubernetes would, and run where a process
can stand in for a pod.
"""

import json
import os
import pathlib
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

from served import START_SECONDS, STOP_SECONDS, run

try:
    import jsonschema
    import yaml
except ImportError:
    jsonschema = yaml = None

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy/helm/credence"
GO_LIBRARIES = pathlib.Path("/usr/share/gocode")
PROGRAM = ""

NEEDED = {"origin": "example.org/forecasts", "tls": {"secretName": "server-cert"}}
# Values that switch on all that is off.
FULL = {
    **NEEDED,
    "fullnameOverride": "forecasts",
    "image": {"repository": "registry.example.org/credence", "digest": "sha256:" + "a" * 64},
    "imagePullSecrets": [{"name": "registry"}],
    "tls": {"secretName": "server-cert", "clientAuthoritySecretName": "clients"},
    "signingKey": {"secretName": "signing-key"},
    "config": {"log-level": "debug", "caller-writes-per-day": 5000000, "query-seconds": 2.5,
               "oidc-issuer": "https://id.example.org", "oidc-audience": "credence",
               "oidc-jwks": "/etc/credence/oidc/jwks.json"},
    "ingress": {"http": {"enabled": True, "host": "forecasts.example.org", "className": "nginx",
                         "annotations": {"nginx.ingress.kubernetes.io/backend-protocol": "HTTPS"},
                         "tlsSecretName": "front"},
                "grpc": {"enabled": True, "host": "grpc.example.org"}},
    "metrics": {"serviceMonitor": {"enabled": True, "tokenSecretName": "auditor",
                                   "serverName": "forecasts.example.org"}},
    "networkPolicy": {"from": [{"namespaceSelector": {}}], "egress": [{"ports": [{"port": 443}]}]},
    "podAnnotations": {"example.org/team": "forecasts"},
    "nodeSelector": {"disk": "fast"},
    "extraEnv": [{"name": "TZ", "value": "UTC"}],
    "extraVolumes": [{"name": "oidc", "configMap": {"name": "oidc"}}],
    "extraVolumeMounts": [{"name": "oidc", "mountPath": "/etc/credence/oidc"}],
}
# Options that the chart sets by itself, and those that mean nothing in a pod.
SET_BY_THE_CHART = {"data", "key-file", "listen", "http", "tls-cert", "tls-key", "tls-client-ca",
                    "access", "backup-dir", "backup-minutes"}
NOT_FOR_PODS = {"port-file", "http-port-file", "channelz-port-file", "web-dir"}


class ChartTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if yaml is None:
            raise unittest.SkipTest("python3-yaml and python3-jsonschema are not installed")
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="credence-chart-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
        cls.own = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))


def laid_over(under, over):
    """Values as Helm lays those of a release over the chart's own."""
    made = dict(under)
    for key, value in over.items():
        below = made.get(key)
        both = isinstance(below, dict) and isinstance(value, dict)
        made[key] = laid_over(below, value) if both else value
    return made


class SchemaTest(ChartTest):
    def refusal(self, values):
        """What the schema says of a release's values; None where they are right."""
        found = jsonschema.Draft7Validator(self.schema).iter_errors(laid_over(self.own, values))
        return "\n".join(error.message for error in found) or None

    def test_the_schema_is_one(self):
        jsonschema.Draft7Validator.check_schema(self.schema)

    def test_what_is_right_is_taken(self):
        self.assertIsNone(self.refusal(NEEDED))
        self.assertIsNone(self.refusal(FULL))

    def test_what_must_be_given_is_asked_for(self):
        for key in NEEDED:
            values = {name: value for name, value in NEEDED.items() if name != key}
            self.assertIsNotNone(self.refusal(values), key)

    def test_what_is_wrong_is_refused(self):
        for wrong in ({"replicas": 3}, {"tls": {"enabled": False}}, {"config": {"listen": "x"}},
                      {"config": {"drain-second": 5}}, {"config": {"drain-seconds": "5"}},
                      {"config": {"log-format": "xml"}}, {"persistence": {"size": "ten"}},
                      {"persistence": {"accessModes": ["ReadWriteMany"]}},
                      {"image": {"digest": "latest"}}, {"podDisruptionBudget": {"maxUnavailable": 2}},
                      {"service": {"grpcPort": 70000}}, {"backup": {"minutes": 0}}):
            self.assertIsNotNone(self.refusal(laid_over(NEEDED, wrong)), wrong)

    def test_each_value_of_the_chart_is_in_the_schema(self):
        def names(values, schema, path):
            for key, value in values.items():
                self.assertIn(key, schema.get("properties", {}), f"{path}{key}")
                below = schema["properties"][key]
                if isinstance(value, dict) and below.get("properties"):
                    names(value, below, f"{path}{key}.")
        names(self.own, self.schema, "")

    def test_its_options_are_those_of_the_server(self):
        printed = run(PROGRAM, "serve", "--print-config")
        known = set(re.findall(r"^(?:# )?([a-z-]+):(?: |$)", printed, re.MULTILINE))
        self.assertGreater(len(known), 30)
        offered = set(self.schema["properties"]["config"]["properties"])
        self.assertEqual(offered | SET_BY_THE_CHART | NOT_FOR_PODS, known)
        self.assertFalse(offered & (SET_BY_THE_CHART | NOT_FOR_PODS))


class RenderedTest(ChartTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        go = shutil.which("go")
        for path in ("github.com/Masterminds/sprig", "sigs.k8s.io/yaml"):
            if go is None or not (GO_LIBRARIES / "src" / path).is_dir():
                raise unittest.SkipTest("golang-go, golang-github-masterminds-sprig-dev or "
                                        "golang-k8s-sigs-yaml-dev is not installed")
        cls.renderer = cls.folder / "render"
        # Debian keeps Go libraries as sources below one path, without modules.
        run(go, "build", "-o", cls.renderer, ROOT / "tests/e2e/chart/render.go",
            env={**os.environ, "GO111MODULE": "off", "GOPATH": str(GO_LIBRARIES), "GOFLAGS": "",
                 "GOCACHE": str(cls.folder / "go"), "HOME": str(cls.folder)}, cwd=cls.folder)

    def attempt(self, values):
        path = self.folder / "values.yaml"
        path.write_text(yaml.safe_dump(values), encoding="utf-8")
        return subprocess.run([self.renderer, CHART, path, "ours", "production"], text=True,
                              capture_output=True, check=False)

    def texts(self, values):
        done = self.attempt(values)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def objects(self, values):
        """What Kubernetes would be given, by kind and name."""
        made = {}
        for name, text in self.texts(values).items():
            if not name.endswith(".yaml"):
                continue
            for document in yaml.safe_load_all(text):
                if document is None:
                    continue
                key = (document["kind"], document["metadata"]["name"])
                self.assertNotIn(key, made)
                made[key] = document
        return made

    def one(self, values, kind):
        found = [made for (its_kind, _), made in self.objects(values).items() if its_kind == kind]
        self.assertEqual(len(found), 1, kind)
        return found[0]

    def configuration(self, values):
        return self.one(values, "ConfigMap")["data"]["credence.yaml"]


class ManifestTest(RenderedTest):
    def test_every_kind_is_made_when_it_is_asked_for_and_only_then(self):
        always = ["ConfigMap", "NetworkPolicy", "Pod", "PodDisruptionBudget", "Service", "Service",
                  "ServiceAccount", "StatefulSet"]
        self.assertEqual(sorted(kind for kind, _ in self.objects(NEEDED)), always)
        self.assertEqual(sorted(kind for kind, _ in self.objects(FULL)),
                         sorted([*always, "Ingress", "Ingress", "ServiceMonitor"]))
        bare = {**NEEDED, "podDisruptionBudget": {"enabled": False},
                "networkPolicy": {"enabled": False}}
        self.assertFalse({"PodDisruptionBudget", "NetworkPolicy"} &
                         {kind for kind, _ in self.objects(bare)})

    def test_what_must_be_given_is_named(self):
        for key, word in (("origin", "origin: must"), ("tls", "tls.secretName: must")):
            done = self.attempt({name: value for name, value in NEEDED.items() if name != key})
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(word, done.stderr)

    def test_values_that_do_not_go_together_are_refused(self):
        for values, word in (
                ({"config": {"require-client-cert": True}}, "probes.enabled must be false"),
                ({"config": {"require-client-cert": True}, "probes": {"enabled": False}},
                 "needs tls.clientAuthoritySecretName"),
                ({"config": {"drain-seconds": 60}}, "terminationGracePeriodSeconds: must"),
                ({"ingress": {"grpc": {"enabled": True}}}, "ingress.grpc.host: must"),
                ({"metrics": {"serviceMonitor": {"enabled": True}}}, "tokenSecretName")):
            done = self.attempt(laid_over(NEEDED, values))
            self.assertNotEqual(done.returncode, 0, values)
            self.assertIn(word, done.stderr)

    def test_services_lead_to_the_server_and_to_nothing_else(self):
        for values in (NEEDED, FULL):
            made = self.objects(values)
            server = self.one(values, "StatefulSet")["spec"]["template"]
            stranger = self.one(values, "Pod")
            ports = {port["name"] for port in server["spec"]["containers"][0]["ports"]}
            selectors = [service["spec"]["selector"] for (kind, _), service in made.items()
                         if kind == "Service"]
            selectors.append(self.one(values, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"])
            selectors.append(self.one(values, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"])
            selectors.append(self.one(values, "StatefulSet")["spec"]["selector"]["matchLabels"])
            for selector in selectors:
                self.assertLessEqual(selector.items(), server["metadata"]["labels"].items())
                self.assertFalse(selector.items() <= stranger["metadata"]["labels"].items())
            for (kind, _), service in made.items():
                if kind == "Service":
                    self.assertLessEqual({port["targetPort"] for port in service["spec"]["ports"]},
                                         ports)
            headless = self.one(values, "StatefulSet")["spec"]["serviceName"]
            self.assertEqual(made["Service", headless]["spec"]["clusterIP"], "None")

    def test_ways_in_lead_to_ports_of_the_service(self):
        made = self.objects(FULL)
        ports = {port["name"] for port in made["Service", "forecasts"]["spec"]["ports"]}
        backends = {}
        for (kind, name), ingress in made.items():
            if kind == "Ingress":
                rule = ingress["spec"]["rules"][0]
                backend = rule["http"]["paths"][0]["backend"]["service"]
                self.assertEqual(backend["name"], "forecasts")
                backends[rule["host"]] = backend["port"]["name"]
        self.assertEqual(backends, {"forecasts.example.org": "https", "grpc.example.org": "grpc"})
        self.assertLessEqual(set(backends.values()), ports)
        endpoint = made["ServiceMonitor", "forecasts"]["spec"]["endpoints"][0]
        self.assertIn(endpoint["port"], ports)
        self.assertEqual(endpoint["scheme"], "https")

    def test_every_volume_is_mounted_and_every_mount_has_a_volume(self):
        for values in (NEEDED, FULL):
            spec = self.one(values, "StatefulSet")["spec"]
            pod = spec["template"]["spec"]
            volumes = {volume["name"] for volume in pod["volumes"]}
            volumes |= {claim["metadata"]["name"] for claim in spec["volumeClaimTemplates"]}
            for container in pod["initContainers"] + pod["containers"]:
                mounted = [mount["name"] for mount in container["volumeMounts"]]
                self.assertEqual(sorted(mounted), sorted(volumes), container["name"])

    def test_one_server_writes_and_its_volumes_are_its_own(self):
        spec = self.one(NEEDED, "StatefulSet")["spec"]
        self.assertEqual(spec["replicas"], 1)
        for claim in spec["volumeClaimTemplates"]:
            self.assertEqual(claim["spec"]["accessModes"], ["ReadWriteOnce"])

    def test_every_container_is_hardened(self):
        for values in (NEEDED, FULL):
            pods = [self.one(values, "StatefulSet")["spec"]["template"]["spec"],
                    self.one(values, "Pod")["spec"]]
            for pod in pods:
                self.assertIs(pod["automountServiceAccountToken"], False)
                self.assertIs(pod["securityContext"]["runAsNonRoot"], True)
                self.assertGreater(pod["securityContext"]["runAsUser"], 0)
                self.assertEqual(pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
                for container in pod.get("initContainers", []) + pod["containers"]:
                    self.assertEqual(container["securityContext"], {
                        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]}})

    def test_a_changed_configuration_starts_the_pod_anew(self):
        def mark(values):
            return self.one(values, "StatefulSet")["spec"]["template"]["metadata"]["annotations"][
                "checksum/config"]
        self.assertEqual(mark(NEEDED), mark({**NEEDED, "nodeSelector": {"disk": "fast"}}))
        self.assertNotEqual(mark(NEEDED), mark({**NEEDED, "config": {"log-level": "debug"}}))

    def test_the_pod_is_given_longer_than_the_drain(self):
        pod = self.one(NEEDED, "StatefulSet")["spec"]["template"]["spec"]
        drain = yaml.safe_load(self.configuration(NEEDED))["drain-seconds"]
        self.assertGreater(pod["terminationGracePeriodSeconds"], drain)

    def test_the_chart_has_the_version_of_the_program(self):
        project = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
        version = re.search(r"^project\(Credence VERSION (\S+)", project, re.MULTILINE).group(1)
        pod = self.one(NEEDED, "StatefulSet")["spec"]["template"]["spec"]
        self.assertEqual(pod["containers"][0]["image"], f"credence:{version}")


class ServerTest(RenderedTest):
    """The pod's commands and configuration, with a folder in place of its volumes."""

    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="credence-pod-"))
        self.addCleanup(shutil.rmtree, self.root, ignore_errors=True)
        for name in ("etc/credence/tls", "var/lib/credence", "var/lib/credence-backups", "bin"):
            (self.root / name).mkdir(parents=True)
        (self.root / "bin/credence").symlink_to(PROGRAM)
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
            "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout",
            self.root / "etc/credence/tls/tls.key", "-out", self.root / "etc/credence/tls/tls.crt")
        shutil.copy(self.root / "etc/credence/tls/tls.crt", self.root / "etc/credence/tls/ca.crt")

    def moved(self, text):
        return text.replace("/etc/credence", f"{self.root}/etc/credence").replace(
            "/var/lib/credence", f"{self.root}/var/lib/credence")

    def environment(self, container, **more):
        named = {entry["name"]: self.moved(entry["value"]) for entry in container.get("env", [])}
        return {**os.environ, "PATH": f"{self.root}/bin:{os.environ['PATH']}", **named, **more}

    def run_container(self, container, **more):
        return subprocess.run([*container["command"], *map(self.moved, container["args"])],
                              env=self.environment(container, **more), text=True,
                              capture_output=True, check=False, cwd=self.root, timeout=300)

    def configure(self, values):
        text = self.moved(self.configuration(values))
        # Free ports, for this machine only.
        for port in ("7700", "7701"):
            self.assertIn(f"0.0.0.0:{port}\n", text)
            text = text.replace(f"0.0.0.0:{port}\n", "127.0.0.1:0\n")
        path = self.root / "etc/credence/credence.yaml"
        path.write_text(text + f"port-file: {self.root}/port\nhttp-port-file: {self.root}/http-port\n",
                        encoding="utf-8")

    def serve(self, container):
        process = subprocess.Popen([*map(self.moved, container["command"])], cwd=self.root,
                                   env=self.environment(container), stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait, STOP_SECONDS)
        self.addCleanup(process.terminate)
        ports = [self.root / "port", self.root / "http-port"]
        limit = time.monotonic() + START_SECONDS
        while not all(path.exists() and path.read_text() for path in ports):
            self.assertIsNone(process.poll(), "the server ended")
            self.assertLess(time.monotonic(), limit)
            time.sleep(0.02)
        return [path.read_text(encoding="utf-8").strip() for path in ports]

    def test_each_configuration_is_one_that_the_server_takes(self):
        (self.root / "etc/credence/credence.yaml").touch()
        for values in (NEEDED, FULL):
            path = self.root / "credence.yaml"
            path.write_text(self.configuration(values), encoding="utf-8")
            run(PROGRAM, "serve", "--config", path, "--check-config")
        # Which it would not take for being any.
        path.write_text(self.configuration(NEEDED) + "\nlisten-on: 7700\n", encoding="utf-8")
        with self.assertRaises(AssertionError):
            run(PROGRAM, "serve", "--config", path, "--check-config")

    def test_a_new_volume_gets_a_ledger_that_is_served_and_lets_no_stranger_in(self):
        pod = self.one(NEEDED, "StatefulSet")["spec"]["template"]["spec"]
        self.configure(NEEDED)
        prepared = self.run_container(pod["initContainers"][0])
        self.assertEqual(prepared.returncode, 0, prepared.stderr)
        volume = self.root / "var/lib/credence"
        key, token = (volume / name for name in ("ledger.vkey", "admin.token"))
        self.assertEqual(token.stat().st_mode & 0o777, 0o600)
        # Another start changes nothing.
        before = key.read_bytes(), token.read_bytes()
        self.assertEqual(self.run_container(pod["initContainers"][0]).returncode, 0)
        self.assertEqual((key.read_bytes(), token.read_bytes()), before)
        port, http_port = self.serve(pod["containers"][0])
        # The kubelet looks at no certificate.
        blind = ssl.create_default_context()
        blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
        for name in ("startupProbe", "readinessProbe", "livenessProbe"):
            probe = pod["containers"][0][name]["httpGet"]
            self.assertEqual(probe["scheme"], "HTTPS")
            with urllib.request.urlopen(f"https://127.0.0.1:{http_port}{probe['path']}",
                                        context=blind) as answer:
                self.assertEqual(answer.status, 200)
        stranger = self.one(NEEDED, "Pod")["spec"]["containers"][0]
        asked = self.run_container(stranger, CREDENCE_ENDPOINT=f"localhost:{port}")
        self.assertEqual(asked.returncode, 0, asked.stdout + asked.stderr)
        # Where nobody serves it fails.
        self.assertNotEqual(self.run_container(stranger, CREDENCE_ENDPOINT="localhost:1").returncode, 0)
        known = run(PROGRAM, "token", "whoami", env=self.environment(
            stranger, CREDENCE_ENDPOINT=f"localhost:{port}", CREDENCE_TOKEN_FILE=str(token)))
        self.assertEqual(known, "operator  admin\n")


if __name__ == "__main__":
    PROGRAM = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
