#include "http/web_page.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "credence/base/strings.h"
#include "http/codec.h"
#include "http/web_assets.h"

namespace credence::server {
namespace {

constexpr std::string_view kDocument = "/index.html";
// Files whose names change with their content.
constexpr std::string_view kHashedPrefix = "/assets/";
constexpr size_t kAssetBytesMax = 64U << 20U;

// Nothing from anywhere else, and no script in the document itself. Charts bring their rules of
// style with them, in elements of their own.
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' "
    "data:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'";

constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kTypes = {{
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".woff2", "font/woff2"},
    {".txt", "text/plain; charset=utf-8"},
    {".json", "application/json"},
}};

std::string_view TypeOf(std::string_view path) {
  for (const auto& [ending, type] : kTypes) {
    if (path.ends_with(ending)) return type;
  }
  return "application/octet-stream";
}

// Addresses of the page's views.
bool IsView(std::string_view path) {
  constexpr std::array<std::string_view, 6> kViews = {"/questions", "/ask",    "/networks",
                                                      "/sources",   "/scores", "/ledger"};
  if (path == "/") return true;
  return std::any_of(kViews.begin(), kViews.end(), [path](std::string_view view) {
    return path == view || (path.starts_with(view) && path[view.size()] == '/');
  });
}

HttpHeaders HeadersFor(std::string_view path, std::string_view type) {
  HttpHeaders headers = {
      {"Content-Type", std::string(type)},
      {"Cache-Control",
       path.starts_with(kHashedPrefix) ? "public, max-age=31536000, immutable" : "no-cache"}};
  if (path == kDocument) {
    headers.emplace_back("Content-Security-Policy", kPolicy);
    headers.emplace_back("Cross-Origin-Opener-Policy", "same-origin");
  }
  return headers;
}

bool TakesGzip(const HttpRequest& request) {
  return request.Header("Accept-Encoding").find("gzip") != std::string_view::npos;
}

HttpResponse NoPage() {
  return {200,
          {{"Content-Type", "text/plain; charset=utf-8"}, {"Cache-Control", "no-store"}},
          "This build of credence has no web page: npm was not there when it was built, or could "
          "not fetch what the page needs.\nThe API is served as ever: see docs/reference/http.md, "
          "or `credence --help`.\n"};
}

}  // namespace

std::optional<HttpResponse> WebPage::Serve(const HttpRequest& request) const {
  const std::string_view path = IsView(request.path) ? kDocument : std::string_view(request.path);
  if (!directory_.empty()) return ServeFile(path);
  if (EmbeddedWebAssets().empty() && request.path == "/") return NoPage();
  return ServeEmbedded(request, path);
}

std::optional<HttpResponse> WebPage::ServeEmbedded(const HttpRequest& request,
                                                   std::string_view path) const {
  const std::span<const WebAsset> assets = EmbeddedWebAssets();
  const auto asset =
      std::lower_bound(assets.begin(), assets.end(), path,
                       [](const WebAsset& one, std::string_view name) { return one.path < name; });
  if (asset == assets.end() || asset->path != path) return std::nullopt;
  HttpHeaders headers = HeadersFor(path, asset->content_type);
  headers.emplace_back("ETag", std::string(asset->etag));
  headers.emplace_back("Vary", "Accept-Encoding");
  if (request.Header("If-None-Match") == asset->etag) return HttpResponse{304, headers, ""};
  if (!asset->gzipped) return HttpResponse{200, headers, std::string(asset->content)};
  if (TakesGzip(request)) {
    headers.emplace_back("Content-Encoding", "gzip");
    return HttpResponse{200, headers, std::string(asset->content)};
  }
  absl::StatusOr<std::string> content = Gunzip(asset->content, kAssetBytesMax);
  if (!content.ok()) return std::nullopt;
  return HttpResponse{200, headers, *std::move(content)};
}

std::optional<HttpResponse> WebPage::ServeFile(std::string_view path) const {
  std::error_code error;
  const std::filesystem::path root = std::filesystem::canonical(directory_, error);
  if (error) return std::nullopt;
  const std::filesystem::path file =
      std::filesystem::canonical(root / std::filesystem::path(path).relative_path(), error);
  if (error || !std::filesystem::is_regular_file(file, error)) return std::nullopt;
  // Dots and links may lead elsewhere.
  const auto [root_end, unused] = std::mismatch(root.begin(), root.end(), file.begin(), file.end());
  if (root_end != root.end()) return std::nullopt;
  std::ifstream stream(file, std::ios::binary);
  HttpHeaders headers = HeadersFor(path, TypeOf(path));
  return HttpResponse{200, std::move(headers),
                      std::string(std::istreambuf_iterator<char>(stream), {})};
}

}  // namespace credence::server
