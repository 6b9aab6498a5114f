#include "http/web_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "http/codec.h"
#include "http/web_assets.h"
#include "served.h"

// The page's files as a browser gets them.
namespace credence::server {
namespace {

using testing::HasSubstr;
using testing::Not;

HttpRequest Get(const std::string& path, const HttpHeaders& headers = {}) {
  HttpRequest request;
  request.method = "GET";
  request.path = path;
  request.headers = headers;
  return request;
}

std::string HeaderOf(const HttpResponse& response, const std::string& name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return "";
}

class EmbeddedPageTest : public testing::Test {
 protected:
  void SetUp() override {
    if (EmbeddedWebAssets().empty()) GTEST_SKIP() << "this build has no page";
  }

  WebPage page{""};
};

TEST_F(EmbeddedPageTest, EveryViewIsTheSameDocument) {
  const auto document = page.Serve(Get("/"));
  ASSERT_TRUE(document.has_value());
  EXPECT_EQ(document->status, 200);
  EXPECT_EQ(HeaderOf(*document, "Content-Type"), "text/html; charset=utf-8");
  EXPECT_THAT(document->body, HasSubstr("<div id=\"app\">"));
  for (const char* path :
       {"/questions", "/questions/x", "/ask", "/networks/n", "/sources", "/scores", "/ledger"}) {
    const auto view = page.Serve(Get(path));
    ASSERT_TRUE(view.has_value()) << path;
    EXPECT_EQ(view->body, document->body) << path;
  }
  EXPECT_FALSE(page.Serve(Get("/nowhere")).has_value());
  EXPECT_FALSE(page.Serve(Get("/questionsx")).has_value());
}

TEST_F(EmbeddedPageTest, TheDocumentAllowsNothingFromElsewhere) {
  const auto document = page.Serve(Get("/"));
  ASSERT_TRUE(document.has_value());
  const std::string policy = HeaderOf(*document, "Content-Security-Policy");
  EXPECT_THAT(policy, HasSubstr("default-src 'none'"));
  EXPECT_THAT(policy, HasSubstr("script-src 'self';"));
  EXPECT_THAT(document->body, Not(HasSubstr("http://")));
  EXPECT_THAT(document->body, Not(HasSubstr("https://")));
}

TEST_F(EmbeddedPageTest, FilesAreSentCompressedToWhoTakesThat) {
  for (const WebAsset& asset : EmbeddedWebAssets()) {
    const std::string path(asset.path);
    const auto packed = page.Serve(Get(path, {{"Accept-Encoding", "gzip, br"}}));
    const auto plain = page.Serve(Get(path));
    ASSERT_TRUE(packed.has_value() && plain.has_value()) << path;
    EXPECT_EQ(HeaderOf(*plain, "Content-Encoding"), "") << path;
    if (!asset.gzipped) continue;
    EXPECT_EQ(HeaderOf(*packed, "Content-Encoding"), "gzip") << path;
    const auto unpacked = Gunzip(packed->body, size_t{64} << 20U);
    ASSERT_TRUE(unpacked.ok()) << path;
    EXPECT_EQ(*unpacked, plain->body) << path;
  }
}

TEST_F(EmbeddedPageTest, HashedFilesAreKeptForEverAndTheDocumentIsAskedForAgain) {
  const auto document = page.Serve(Get("/"));
  ASSERT_TRUE(document.has_value());
  EXPECT_EQ(HeaderOf(*document, "Cache-Control"), "no-cache");
  const std::string tag = HeaderOf(*document, "ETag");
  EXPECT_FALSE(tag.empty());
  const auto again = page.Serve(Get("/", {{"If-None-Match", tag}}));
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->status, 304);
  EXPECT_TRUE(again->body.empty());
  for (const WebAsset& asset : EmbeddedWebAssets()) {
    if (!asset.path.starts_with("/assets/")) continue;
    const auto file = page.Serve(Get(std::string(asset.path)));
    ASSERT_TRUE(file.has_value());
    EXPECT_THAT(HeaderOf(*file, "Cache-Control"), HasSubstr("immutable")) << asset.path;
  }
}

TEST(WebPageTest, ABuildWithoutAPageSaysSo) {
  if (!EmbeddedWebAssets().empty()) GTEST_SKIP() << "this build has a page";
  const auto notice = WebPage("").Serve(Get("/"));
  ASSERT_TRUE(notice.has_value());
  EXPECT_THAT(notice->body, HasSubstr("has no web page"));
}

TEST(WebPageTest, ADirectoryStandsInForThePageAndLeadsNowhereElse) {
  const TemporaryDirectory directory;
  const std::filesystem::path root = std::filesystem::path(directory.path()) / "page";
  std::filesystem::create_directory(root);
  std::ofstream(root / "index.html") << "<p>mine</p>";
  std::ofstream(std::filesystem::path(directory.path()) / "secret.txt") << "secret";
  std::filesystem::create_symlink("../secret.txt", root / "link.txt");
  const WebPage page(root.string());
  const auto document = page.Serve(Get("/questions/x"));
  ASSERT_TRUE(document.has_value());
  EXPECT_EQ(document->body, "<p>mine</p>");
  EXPECT_FALSE(page.Serve(Get("/../secret.txt")).has_value());
  EXPECT_FALSE(page.Serve(Get("/link.txt")).has_value());
  EXPECT_FALSE(page.Serve(Get("/absent.js")).has_value());
}

}  // namespace
}  // namespace credence::server
