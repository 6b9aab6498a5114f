"""A server that asks who calls, as its clients meet it: security_test.py PROGRAM

The Python package is on the path, as the build puts it together.
"""

import asyncio
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import credence
import credence.aio
from credence import errors, v1
from served import START_SECONDS, STOP_SECONDS, run

PROGRAM = ""


def openssl(folder, *arguments):
    run("openssl", *arguments, cwd=folder)


def make_certificates(folder):
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl(folder, "req", "-x509", *curve, "-days", "2", "-subj", "/CN=Authority",
            "-keyout", "ca.key", "-out", "ca.pem")
    openssl(folder, "req", *curve, "-subj", "/CN=server", "-keyout", "server.key",
            "-out", "server.csr")
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1", encoding="utf-8")
    openssl(folder, "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "server.pem")


class SecuredServer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="credence-"))
        make_certificates(cls.folder)
        cls.data = cls.folder / "data"
        cls.key = run(PROGRAM, "init", "--data", cls.data, "--origin", "example.org/test").strip()
        cls.admin = cls.token("operator-1", "admin")
        cls.reader = cls.token("reader-1", "reader")
        ports = [cls.folder / "port", cls.folder / "http-port"]
        cls.process = subprocess.Popen(
            [PROGRAM, "serve", "--data", cls.data, "--access", "required",
             "--tls-cert", "server.pem", "--tls-key", "server.key",
             "--listen", "127.0.0.1:0", "--port-file", ports[0],
             "--http", "127.0.0.1:0", "--http-port-file", ports[1]],
            cwd=cls.folder, stderr=subprocess.DEVNULL)
        limit = time.monotonic() + START_SECONDS
        while not all(path.exists() and path.read_text().strip() for path in ports):
            if cls.process.poll() is not None or time.monotonic() > limit:
                raise AssertionError("the server did not start")
            time.sleep(0.02)
        cls.endpoint, cls.http = (f"127.0.0.1:{path.read_text().strip()}" for path in ports)
        cls.tls = credence.Tls(authority=str(cls.folder / "ca.pem"))

    @classmethod
    def tearDownClass(cls):
        cls.process.terminate()
        cls.process.wait(STOP_SECONDS)
        shutil.rmtree(cls.folder)

    def verify(self, *flags, url=None):
        """Verifies the server's log; the exit code, and what was said."""
        done = subprocess.run(
            [PROGRAM, "verify", url or f"https://{self.http}", "--key", self.key, *flags],
            cwd=self.folder, text=True, capture_output=True, check=False, timeout=300)
        return done.returncode, done.stdout + done.stderr

    @classmethod
    def token(cls, principal, role):
        return run(PROGRAM, "token", "create", "--data", cls.data, "--principal", principal,
                   "--role", role).strip()

    def curl(self, *arguments):
        return run("curl", "-sS", "--cacert", self.folder / "ca.pem", "-o", "/dev/null",
                   "-w", "%{http_code}", *arguments)

    def test_python_clients_show_their_token_by_tls(self):
        with credence.Client(self.endpoint, token=self.reader, tls=self.tls) as client:
            self.assertEqual(client.get_caller(v1.GetCallerRequest()).principal, "reader-1")

        async def ask():
            async with credence.aio.Client(self.endpoint, token=self.admin,
                                           tls=self.tls) as client:
                return (await client.get_caller(v1.GetCallerRequest())).principal

        self.assertEqual(asyncio.run(ask()), "operator-1")

    def test_python_clients_are_told_what_they_may_not(self):
        with credence.Client(self.endpoint, tls=self.tls) as client:
            with self.assertRaises(errors.UnauthenticatedError):
                client.get_server_info(v1.GetServerInfoRequest())
        with credence.Client(self.endpoint, token=self.reader, tls=self.tls) as client:
            request = v1.CreateForecasterRequest(forecaster_id="analyst-1")
            with self.assertRaises(errors.PermissionDeniedError):
                client.create_forecaster(request)

    def test_python_clients_send_no_token_in_plaintext_elsewhere(self):
        with self.assertRaises(ValueError):
            credence.Client("ledger.example.org:7700", token=self.reader)

    def test_curl_speaks_https_with_a_token(self):
        address = f"https://{self.http}/credence.v1.LedgerService/GetServerInfo"
        json = ("-H", "Content-Type: application/json", "-d", "{}", address)
        self.assertEqual(self.curl(*json), "401")
        self.assertEqual(self.curl("-H", f"Authorization: Bearer {self.reader}", *json), "200")
        self.assertEqual(self.curl(f"https://{self.http}/healthz"), "200")
        self.assertEqual(self.curl(f"https://{self.http}/metrics"), "401")

    def test_a_log_behind_tls_is_verified_by_who_may_read_it(self):
        (self.folder / "reader.token").write_text(self.reader, encoding="utf-8")
        (self.folder / "narrow.token").write_text(self.token("narrow-1", "reader:energy"),
                                                  encoding="utf-8")
        authority, token = ("--tls-ca", "ca.pem"), ("--token-file", "reader.token")
        code, said = self.verify(*authority, *token)
        self.assertEqual(code, 0, said)
        self.assertIn("verified", said)
        for flags, expected in ((token, 6), (authority, 7),
                                ((*authority, "--token-file", "narrow.token"), 7),
                                ((*authority, "--token-file", "nothing.token"), 2)):
            code, said = self.verify(*flags)
            self.assertEqual(code, expected, said)
        code, said = self.verify(*token, url="http://ledger.example.org/")
        self.assertEqual(code, 2, said)
        self.assertIn("plaintext", said)

    def test_the_audit_log_holds_no_token(self):
        with credence.Client(self.endpoint, token=self.reader + "x", tls=self.tls) as client:
            with self.assertRaises(errors.UnauthenticatedError):
                client.get_server_info(v1.GetServerInfoRequest())
        text = (self.data / "audit.jsonl").read_text(encoding="utf-8")
        self.assertIn('"event":"refused"', text)
        self.assertNotIn(self.reader.rpartition("_")[2], text)

    def test_the_program_does_not_listen_to_strangers_by_accident(self):
        done = subprocess.run([PROGRAM, "serve", "--data", self.data, "--listen", "0.0.0.0:0"],
                              text=True, capture_output=True, check=False, timeout=60)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--tls-cert", done.stderr)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
