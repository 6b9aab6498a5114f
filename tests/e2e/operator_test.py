"""What gRPC tells load balancers and operators: operator_test.py PROGRAM"""

import pathlib
import queue
import sys
import threading
import unittest

import grpc

from served import Server

WAIT_SECONDS = 120
HEALTH = "/grpc.health.v1.Health/"
CHANNELZ = "/grpc.channelz.v1.Channelz/GetServers"
# HealthCheckResponse{status}.
SERVING, NOT_SERVING = b"\x08\x01", b"\x08\x02"
# GetQuestionRequest{name: "questions/q", view {min_position: 1000000}}: waits for what never comes.
WAITING = b"\x0a\x0bquestions/q\x12\x04\x08\xc0\x84\x3d"


class OperatorTest(unittest.TestCase):
    def setUp(self):
        self.server = Server(PROGRAM, more=["--channelz", "127.0.0.1:0", "--channelz-port-file",
                                            "channelz-port"])
        self.addCleanup(self.server.close)

    def connect(self, port):
        channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self.addCleanup(channel.close)
        return channel

    @staticmethod
    def raw(call, method):
        return call(method, request_serializer=None, response_deserializer=None)

    def call(self, port, method, request=b""):
        channel = self.connect(port)
        return self.raw(channel.unary_unary, method)(request, timeout=WAIT_SECONDS)

    def test_channelz_is_on_its_own_port_only(self):
        port = (self.server.folder / "channelz-port").read_text(encoding="utf-8").strip()
        self.assertGreater(len(self.call(port, CHANNELZ)), 10)
        with self.assertRaises(grpc.RpcError) as refused:
            self.call(self.server.port, CHANNELZ)
        self.assertEqual(refused.exception.code(), grpc.StatusCode.UNIMPLEMENTED)
        with self.assertRaises(grpc.RpcError) as refused:
            self.call(port, "/credence.v1.QuestionService/ListQuestions")
        self.assertEqual(refused.exception.code(), grpc.StatusCode.UNIMPLEMENTED)

    def test_health_says_not_serving_while_calls_under_way_are_finished(self):
        channel = self.connect(self.server.port)
        self.assertEqual(self.raw(channel.unary_unary, HEALTH + "Check")(b""), SERVING)
        states = queue.Queue()

        def watch():
            try:
                for state in self.raw(channel.unary_stream, HEALTH + "Watch")(b""):
                    states.put(state)
            except grpc.RpcError:
                pass

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        self.assertEqual(states.get(timeout=WAIT_SECONDS), SERVING)
        waiting = self.raw(channel.unary_unary, "/credence.v1.QuestionService/GetQuestion").future(
            WAITING, timeout=WAIT_SECONDS)
        self.server.process.terminate()
        self.assertEqual(states.get(timeout=WAIT_SECONDS), NOT_SERVING)
        self.assertIsNone(self.server.process.poll())
        self.assertIsNotNone(waiting.exception(WAIT_SECONDS))
        self.assertEqual(self.server.process.wait(WAIT_SECONDS), 0)
        self.server.process = None
        watcher.join(WAIT_SECONDS)


if __name__ == "__main__":
    PROGRAM = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
