#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "http/http.h"

// The web page as files: those in the program, or those of a directory while the page is being
// worked on. Every address of the page (/questions/x, /ledger) is answered with the same document,
// which finds its view by itself. Thread-safe.
namespace credence::server {

class WebPage {
 public:
  // With a directory its files are read anew for each request.
  explicit WebPage(std::string directory) : directory_(std::move(directory)) {}

  // The answer to a GET or HEAD; absent where the path is none of the page's.
  [[nodiscard]] std::optional<HttpResponse> Serve(const HttpRequest& request) const;

 private:
  [[nodiscard]] std::optional<HttpResponse> ServeEmbedded(const HttpRequest& request,
                                                          std::string_view path) const;
  [[nodiscard]] std::optional<HttpResponse> ServeFile(std::string_view path) const;

  const std::string directory_;
};

}  // namespace credence::server
