#pragma once

#include <span>
#include <string_view>

// The files of the web page that are part of the program. Their table is made by the build, see
// cmake/CredenceWeb.cmake; it is empty where the page could not be built.
namespace credence::server {

struct WebAsset {
  // Path that it is served at, such as "/assets/index-x1Y2.js".
  std::string_view path;
  std::string_view content_type;
  // Whether `content` is compressed with gzip.
  bool gzipped;
  std::string_view content;
  // Entity tag, in quotes: it changes with the content.
  std::string_view etag;
};

// By path. The table and what it points to are never changed and live for ever.
[[nodiscard]] std::span<const WebAsset> EmbeddedWebAssets();

}  // namespace credence::server
