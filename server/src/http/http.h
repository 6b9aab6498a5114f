#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"

// HTTP as the ways in see it: requests, answers, and streams of bytes, without sockets. Only
// http_server.cc knows the library that speaks it.
namespace credence::server {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  // In capitals, such as "GET".
  std::string method;
  // As sent, without the query and its '?'.
  std::string path;
  std::string query;
  HttpHeaders headers;
  std::string body;
  // Address of the client, such as "127.0.0.1".
  std::string peer{};
  // Subject of the certificate that the client proved to have (RFC 2253); empty where none.
  std::string certificate_subject{};

  // Value of the first header of that name, without regard to case; empty where there is none.
  [[nodiscard]] std::string_view Header(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  HttpHeaders headers;
  std::string body;
};

// Why an answer under way should end early.
enum class HttpInterrupt {
  // The client went away: nothing that is sent arrives.
  kClientGone,
  // The server drains: say so and end.
  kDraining,
};

// One request and the way to answer it: with one response, or with a stream of bytes. Thread-safe:
// what is called here is done one after another on the server's threads. Ends by itself, with an
// error, where it is let go of without an answer.
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;

  [[nodiscard]] virtual const HttpRequest& request() const = 0;

  // The whole answer. Once, and not together with a stream.
  virtual void Respond(HttpResponse response) = 0;

  // Begins an answer of unknown length; then any number of Write, each after the `done` of the one
  // before, then EndStream.
  virtual void BeginStream(int status, HttpHeaders headers) = 0;
  // `done(false)` where the client is gone. An empty text writes nothing.
  virtual void Write(std::string bytes, std::function<void(bool)> done) = 0;
  virtual void EndStream() = 0;

  // Calls `interrupted` at most once, before the answer has ended. Replaces an earlier one.
  virtual void OnInterrupt(std::function<void(HttpInterrupt)> interrupted) = 0;

  // Runs `task` on the server's threads, never at the same time as another task of this exchange.
  virtual void Post(std::function<void()> task) = 0;

  // Posts `task` at a time, unless the answer has ended by then. Replaces an earlier one.
  virtual void PostAt(absl::Time time, std::function<void()> task) = 0;
};

using HttpHandler = std::function<void(std::shared_ptr<HttpExchange>)>;

// "%41b" and "a+b" as they are meant in a query; false for what is malformed.
[[nodiscard]] bool DecodeUrl(std::string_view text, std::string& decoded);

// Value of the first parameter of that name in a query such as "a=1&b=2", decoded; false where
// there is none or it is malformed.
[[nodiscard]] bool QueryParameter(std::string_view query, std::string_view name,
                                  std::string& value);

}  // namespace credence::server
