"""The Python client against a real server: python_client_test.py PROGRAM

The package is on the path, as the build puts it together.
"""

import asyncio
import importlib.util
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
import uuid
import zipfile
from datetime import datetime, timezone

import credence.aio
from credence import _core, _error, errors, frames, proofs, v1
from served import Server, run

ROOT = pathlib.Path(__file__).resolve().parents[2]


def question(identity, **fields):
    request = v1.CreateQuestionRequest(question_id=identity)
    request.question.title = f"Will {identity} happen?"
    request.question.close_time.FromDatetime(datetime(2040, 1, 1))
    request.question.prior.fixed.probabilities.extend([0.2, 0.8])
    for name, value in fields.items():
        setattr(request.options, name, value)
    return request


def evidence(parent, ratio, **fields):
    request = v1.CreateEvidenceRequest(parent=f"questions/{parent}")
    request.evidence.model.node = parent
    request.evidence.model.summary = "a report"
    request.evidence.model.likelihood_ratio = ratio
    for name, value in fields.items():
        setattr(request.options, name, value)
    return request


class FlakyProxy:
    """Forwards connections to a port, and can cut all of them."""

    def __init__(self, port):
        self.port = int(port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.sockets = []
        self.threads = []
        self.connections = 0
        self.acceptor = threading.Thread(target=self.accept)
        self.acceptor.start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            try:
                server = socket.create_connection(("127.0.0.1", self.port))
            except OSError:
                client.close()
                continue
            self.sockets += [client, server]
            for source, target in ((client, server), (server, client)):
                self.threads.append(threading.Thread(target=self.copy, args=(source, target)))
                self.threads[-1].start()

    @staticmethod
    def copy(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        for end in self.sockets:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.acceptor.join()
        self.cut()
        for thread in self.threads:
            thread.join()
        for end in (self.listener, *self.sockets):
            end.close()


class ClientTest(unittest.TestCase):
    def setUp(self):
        self.server = Server(PROGRAM)
        self.addCleanup(self.server.close)
        # As patient as a busy machine needs.
        self.client = credence.Client(self.server.endpoint, actor="forecasters/analyst-1",
                                      timeout=300, retries=1000, backoff_max=0.5)
        self.addCleanup(self.client.close)

    def test_writes_carry_an_id_and_an_author_and_reads_see_them(self):
        created = self.client.create_question(question("rain"))
        self.assertEqual(uuid.UUID(created.receipt.request_id).version, 4)
        self.assertEqual(self.client.written_position,
                         created.receipt.position + created.receipt.event_count - 1)
        got = self.client.get_question(v1.GetQuestionRequest(name="questions/rain"))
        self.assertEqual(got.question.title, "Will rain happen?")
        events = self.client.list_events(v1.ListEventsRequest()).events
        self.assertEqual(events[created.receipt.position].envelope.actor, "forecasters/analyst-1")

    def test_a_repeat_of_a_write_records_nothing_twice(self):
        request = question("rain", request_id=str(uuid.uuid4()))
        first = self.client.create_question(request).receipt
        second = self.client.create_question(request).receipt
        self.assertEqual((second.position, second.duplicate), (first.position, True))
        # The caller's request is left as it was.
        self.assertEqual(request.options.actor, "")

    def test_errors_are_exceptions_by_their_reason(self):
        with self.assertRaises(errors.NotFound) as missing:
            self.client.get_question(v1.GetQuestionRequest(name="questions/none"))
        self.assertIsInstance(missing.exception, errors.NotFoundError)
        self.assertEqual(missing.exception.reason, "NOT_FOUND")
        with self.assertRaises(errors.InvalidArgumentError) as wrong:
            self.client.create_question(v1.CreateQuestionRequest(question_id="x"))
        self.assertIn("question.title", wrong.exception.fields)
        self.assertIn("question.title", str(wrong.exception))
        self.client.create_question(question("rain"))
        with self.assertRaises(errors.StaleRevision) as stale:
            self.client.create_evidence(evidence("rain", 2.0, expected_revision=99))
        self.assertIsInstance(stale.exception, errors.AbortedError)
        self.assertIn("current_revision", stale.exception.metadata)

    def test_there_is_an_exception_for_every_reason(self):
        for reason, value in v1.ErrorReason.items():
            if value == 0:
                continue
            kind = _error.BY_REASON[reason.removeprefix("ERROR_REASON_")]
            self.assertTrue(issubclass(kind, errors.CredenceError), reason)
            self.assertTrue(kind.__doc__, reason)

    def test_lists_go_through_all_pages(self):
        for index in range(5):
            self.client.create_question(question(f"q{index}"))
        request = v1.ListQuestionsRequest(page=v1.PageRequest(page_size=2))
        names = [q.name for q in self.client.iterate_questions(request)]
        self.assertEqual(names, [f"questions/q{index}" for index in range(5)])

    def test_an_unreachable_server_is_unavailable_in_time(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            endpoint = "127.0.0.1:%d" % free.getsockname()[1]
        client = credence.Client(endpoint, retries=2, backoff=0.01)
        self.addCleanup(client.close)
        with self.assertRaises(errors.UnavailableError):
            client.get_tree_head(v1.GetTreeHeadRequest())

    def test_a_call_outlives_a_restart_of_the_server(self):
        self.client.create_question(question("rain"))
        self.server.stop(kill=True)
        starter = threading.Timer(0.3, self.server.start)
        starter.start()
        self.addCleanup(starter.join)
        self.client.create_question(question("snow"))
        starter.join()
        names = [q.name for q in self.client.iterate_questions(v1.ListQuestionsRequest())]
        self.assertEqual(names, ["questions/rain", "questions/snow"])

    def test_only_what_does_no_harm_is_repeated(self):
        core = _core.Core(self.client._core.settings)
        method = self.client._CREATE_QUESTION
        self.assertFalse(method.may_repeat(question("rain")))
        self.assertTrue(method.may_repeat(core.complete(question("rain"))))
        self.assertTrue(self.client._GET_QUESTION.may_repeat(v1.GetQuestionRequest()))

    def test_a_watch_goes_on_after_a_break_without_gap_or_repeat(self):
        proxy = FlakyProxy(self.server.port)
        self.addCleanup(proxy.close)
        watcher = credence.Client(proxy.address, retries=1000, backoff=0.02, backoff_max=0.5,
                                  timeout=300)
        self.addCleanup(watcher.close)
        count = 40
        writer = threading.Thread(target=self.write_and_cut, args=(count, proxy))
        with watcher.watch_events(v1.WatchEventsRequest(start_position=0)) as events:
            writer.start()
            seen = []
            for event in events:
                seen.append(event.envelope.position)
                if event.envelope.stream == f"questions/q{count - 1}":
                    break
        writer.join()
        self.assertEqual(seen, list(range(seen[-1] + 1)))
        self.assertGreater(proxy.connections, 1)

    def write_and_cut(self, count, proxy):
        for index in range(count):
            self.client.create_question(question(f"q{index}"))
            if index % 10 == 5:
                proxy.cut()

    def test_a_watch_without_a_position_begins_after_the_head_and_ends_when_told(self):
        self.client.create_question(question("rain"))
        watch = self.client.watch_posteriors(v1.WatchPosteriorsRequest(parent="questions/rain"))
        found = []
        reader = threading.Thread(target=lambda: found.extend(watch))
        reader.start()
        while watch.next_position == 0:
            pass
        self.client.create_evidence(evidence("rain", 3.0))
        while not found:
            pass
        watch.cancel()
        reader.join()
        self.assertEqual(len(found), 1)
        self.assertAlmostEqual(found[0].probabilities[0].probability, 3 * 0.25 / (1 + 3 * 0.25))

    def test_a_watch_of_what_is_not_there_says_so(self):
        with self.assertRaises(errors.NotFound):
            next(self.client.watch_posteriors(v1.WatchPosteriorsRequest(parent="questions/none",
                                                                        start_position=0)))

    def test_rows_and_frames_hold_the_numbers(self):
        self.client.create_question(question("rain"))
        self.client.create_evidence(evidence("rain", 3.0))
        posteriors = list(self.client.iterate_posteriors(
            v1.ListPosteriorsRequest(parent="questions/rain")))
        table = frames.rows(posteriors)
        self.assertEqual(table[-1]["probabilities.yes"],
                         posteriors[-1].probabilities[0].probability)
        self.assertEqual(table[-1]["cause"], "POSTERIOR_CAUSE_EVIDENCE")
        self.assertEqual(table[-1]["record_time"].tzinfo, timezone.utc)
        self.assertNotIn("numeric.unit", table[-1])
        if importlib.util.find_spec("pandas") is None:
            self.skipTest("pandas is not installed; rows are tested")
        frame = frames.frame(posteriors)
        self.assertEqual(list(frame["probabilities.yes"]),
                         [p.probabilities[0].probability for p in posteriors])
        self.assertEqual(str(frame["record_time"].dt.tz), "UTC")

    def test_without_pandas_frames_say_what_is_missing(self):
        code = ("import sys; sys.modules['pandas'] = None\n"
                "from credence import frames\n"
                "assert frames.rows([]) == []\n"
                "try:\n    frames.frame([])\n"
                "except ModuleNotFoundError as error:\n    print(error)\n")
        self.assertIn("needs pandas", run(sys.executable, "-c", code))

    def test_the_verifier_runs_without_grpc_and_generated_code(self):
        code = ("import sys\nfor name in ('grpc', 'google.protobuf'): sys.modules[name] = None\n"
                "import credence.verify; print(credence.verify.WIDTH)")
        printed = run("/usr/bin/python3", "-c", code,
                      env={"PYTHONPATH": str(ROOT / "clients/python/src")})
        self.assertEqual(printed, "256\n")


class AsyncClientTest(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.server = Server(PROGRAM)
        self.addCleanup(self.server.close)

    async def asyncSetUp(self):
        self.client = credence.aio.Client(self.server.endpoint, actor="forecasters/analyst-1",
                                          timeout=300)

    async def asyncTearDown(self):
        await self.client.close()

    async def test_it_reads_writes_lists_and_raises(self):
        await asyncio.gather(*(self.client.create_question(question(f"q{i}")) for i in range(5)))
        request = v1.ListQuestionsRequest(page=v1.PageRequest(page_size=2))
        names = [q.name async for q in self.client.iterate_questions(request)]
        self.assertEqual(names, [f"questions/q{index}" for index in range(5)])
        with self.assertRaises(errors.NotFound):
            await self.client.get_question(v1.GetQuestionRequest(name="questions/none"))

    async def test_a_watch_goes_on_after_a_break_without_gap_or_repeat(self):
        proxy = FlakyProxy(self.server.port)
        self.addCleanup(proxy.close)
        async with credence.aio.Client(proxy.address, retries=1000, backoff=0.02, backoff_max=0.5,
                                           timeout=300) as watcher:
            watch = watcher.watch_events(v1.WatchEventsRequest(start_position=0))
            writer = asyncio.create_task(self.write_and_cut(30, proxy))
            seen = []
            async for event in watch:
                seen.append(event.envelope.position)
                if event.envelope.stream == "questions/q29":
                    break
            watch.cancel()
            await writer
        self.assertEqual(seen, list(range(seen[-1] + 1)))
        self.assertGreater(proxy.connections, 1)

    async def write_and_cut(self, count, proxy):
        for index in range(count):
            await self.client.create_question(question(f"q{index}"))
            if index % 10 == 5:
                proxy.cut()

    async def test_a_task_that_waits_for_a_watch_can_be_cancelled(self):
        watch = self.client.watch_events(v1.WatchEventsRequest())
        task = asyncio.create_task(watch.__anext__())
        while watch.next_position == 0:
            await asyncio.sleep(0.01)
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task

    async def test_both_clients_have_the_same_names(self):
        def names(kind):
            return {name for name in dir(kind) if not name.startswith("_")}

        self.assertEqual(names(credence.Client), names(credence.aio.Client))


class ProofsTest(unittest.TestCase):
    @staticmethod
    def root(leaves):
        if len(leaves) == 1:
            return leaves[0]
        half = 1 << (len(leaves) - 1).bit_length() - 1
        return proofs.node_hash(ProofsTest.root(leaves[:half]), ProofsTest.root(leaves[half:]))

    def inclusion(self, index, leaves):
        if len(leaves) == 1:
            return []
        half = 1 << (len(leaves) - 1).bit_length() - 1
        if index < half:
            return self.inclusion(index, leaves[:half]) + [self.root(leaves[half:])]
        return self.inclusion(index - half, leaves[half:]) + [self.root(leaves[:half])]

    def consistency(self, first, leaves, whole=True):
        if first == len(leaves):
            return [] if whole else [self.root(leaves)]
        half = 1 << (len(leaves) - 1).bit_length() - 1
        if first <= half:
            return self.consistency(first, leaves[:half], whole) + [self.root(leaves[half:])]
        return (self.consistency(first - half, leaves[half:], False)
                + [self.root(leaves[:half])])

    def test_proofs_of_every_small_tree_hold_and_no_changed_one_does(self):
        leaves = [proofs.leaf_hash(b"%d" % i) for i in range(17)]
        for size in range(1, len(leaves) + 1):
            tree = leaves[:size]
            for index in range(size):
                path = self.inclusion(index, tree)
                proofs.verify_inclusion(index, size, tree[index], path, self.root(tree))
                for wrong in ([leaves[0]] + path, path[:-1] if path else [leaves[0]],
                              [bytes(32)] + path[1:] if path else [bytes(32)]):
                    with self.assertRaises(errors.VerificationError):
                        proofs.verify_inclusion(index, size, tree[index], wrong, self.root(tree))
            for first in range(1, size + 1):
                path = self.consistency(first, tree)
                roots = self.root(tree[:first]), self.root(tree)
                proofs.verify_consistency(first, size, *roots, path)
                for wrong in (path + [leaves[0]], path[:-1] if path else [leaves[0]]):
                    with self.assertRaises(errors.VerificationError):
                        proofs.verify_consistency(first, size, *roots, wrong)
        with self.assertRaises(errors.VerificationError):
            proofs.verify_consistency(0, 3, leaves[0], self.root(leaves[:3]), [])

    def test_a_pinned_key_is_checked_and_followed(self):
        server = Server(PROGRAM)
        self.addCleanup(server.close)
        old_key = server.key
        with credence.Client(server.endpoint, verifier_key=old_key) as client:
            receipt = client.create_question(question("rain")).receipt
            self.assertTrue(receipt.proof.checkpoint)
            client.get_checkpoint(v1.GetCheckpointRequest())
            client.create_question(question("snow"))
            client.get_checkpoint(v1.GetCheckpointRequest())
            client.get_inclusion_proof(v1.GetInclusionProofRequest(position=1))
            client.get_consistency_proof(v1.GetConsistencyProofRequest(first_tree_size=2))
        other = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
        with credence.Client(server.endpoint, verifier_key=other) as client:
            with self.assertRaises(errors.VerificationError):
                client.create_question(question("hail"))
        server.stop()
        run(PROGRAM, "ledger", "rotate-key", "--data", server.folder / "data")
        server.start()
        with credence.Client(server.endpoint, verifier_key=old_key) as client:
            client.create_question(question("fog"))

    def test_a_server_that_lies_is_caught(self):
        server = Server(PROGRAM)
        self.addCleanup(server.close)
        with credence.Client(server.endpoint) as client:
            request = question("rain")
            request.options.include_proof = True
            honest = client.create_question(request)
            head = client.get_checkpoint(v1.GetCheckpointRequest())

        def check(response):
            for _ in proofs.ProofChecker(server.key).check(response):
                raise AssertionError("nothing needs to be asked")

        def lies():
            for change in (lambda r: r.receipt.ClearField("proof"),
                           lambda r: setattr(r.receipt, "position", 0),
                           lambda r: setattr(r.receipt, "leaf_hash", bytes(32)),
                           lambda r: r.receipt.proof.inclusion_proof.hashes.append(bytes(32))):
                lie = v1.CreateQuestionResponse.FromString(honest.SerializeToString())
                change(lie)
                yield lie
            lie = v1.GetCheckpointResponse.FromString(head.SerializeToString())
            lie.tree_head.tree_size += 1
            yield lie

        check(honest)
        check(head)
        for lie in lies():
            with self.assertRaises(errors.VerificationError, msg=str(lie)):
                check(lie)


class PackageTest(unittest.TestCase):
    def test_a_wheel_is_built_with_what_is_generated(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            for part in ("clients/python", "proto"):
                shutil.copytree(ROOT / part, folder / part)
            run("/usr/bin/python3", "-c", "from setuptools import build_meta\n"
                f"build_meta.build_wheel({name!r})", cwd=folder / "clients/python")
            with zipfile.ZipFile(next(folder.glob("credence-*.whl"))) as wheel:
                files = set(wheel.namelist())
        built = pathlib.Path(credence.__file__).parent
        for path in built.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                self.assertIn(f"credence/{path.relative_to(built)}", files)

    def test_it_is_typed(self):
        mypy = subprocess.run(["/usr/bin/python3", "-m", "mypy", "--version"], check=False,
                              capture_output=True)
        if mypy.returncode != 0:
            self.skipTest("mypy is not installed; make check installs it")
        package = pathlib.Path(credence.__file__).parents[1]
        run("/usr/bin/python3", "-m", "mypy", "--config-file",
            ROOT / "clients/python/pyproject.toml", "--cache-dir", package / ".mypy", "-p",
            "credence", env={"MYPYPATH": str(package)})


if __name__ == "__main__":
    PROGRAM = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
