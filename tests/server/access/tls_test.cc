#include "tls/tls_context.h"

#include <boost/asio/ssl.hpp>
#include <boost/beast/ssl.hpp>

#include "credence/client/verify/source.h"
#include "secured.h"

// TLS: whom the server proves to be, and whose certificates it believes.
namespace credence::server {
namespace {

using ::testing::HasSubstr;

namespace ssl = boost::asio::ssl;

// An HTTPS client that trusts one authority.
class TlsClient {
 public:
  TlsClient(int port, const std::string& authority_file, const Identity* identity = nullptr)
      : tls_(ssl::context::tls_client), stream_(context_, Prepare(tls_, authority_file, identity)) {
    boost::beast::get_lowest_layer(stream_).connect(
        {boost::asio::ip::make_address("127.0.0.1"), static_cast<uint16_t>(port)});
    boost::beast::get_lowest_layer(stream_).expires_after(std::chrono::seconds(30));
    stream_.set_verify_callback(ssl::host_name_verification("127.0.0.1"));
    stream_.handshake(ssl::stream_base::client);
  }

  HttpClient::Response Send(const http::request<http::string_body>& request) {
    http::write(stream_, request);
    HttpClient::Response response;
    http::read(stream_, buffer_, response);
    return response;
  }

  boost::beast::ssl_stream<boost::beast::tcp_stream>& stream() { return stream_; }

 private:
  static ssl::context& Prepare(ssl::context& tls, const std::string& authority_file,
                               const Identity* identity) {
    tls.load_verify_file(authority_file);
    tls.set_verify_mode(ssl::verify_peer);
    if (identity != nullptr) {
      SSL_CTX_use_certificate(tls.native_handle(), identity->certificate.get());
      SSL_CTX_use_PrivateKey(tls.native_handle(), identity->key.get());
    }
    return tls;
  }

  boost::asio::io_context context_;
  ssl::context tls_;
  boost::beast::ssl_stream<boost::beast::tcp_stream> stream_;
  boost::beast::flat_buffer buffer_;
};

class TlsTest : public SecuredTest {
 protected:
  void SetUp() override {
    SecuredTest::SetUp();
    Install(authority, authority.MakeServer());
    ReplaceFile(path("ca.pem"), authority.CertificatePem());
    choices.tls.certificate_file = path("server.pem");
    choices.tls.key_file = path("server.key");
    choices.http.certificates_changed = [this](const absl::Status& status) {
      absl::MutexLock lock(&mutex);
      changes.push_back(status);
    };
  }

  void Install(const Authority& by, const Identity& identity) {
    ReplaceFile(path("server.key"), KeyPem(identity.key));
    ReplaceFile(path("server.pem"), identity.CertificatePem());
    ReplaceFile(path("server-ca.pem"), by.CertificatePem());
  }

  [[nodiscard]] client::ClientOptions TlsOptionsOf(const std::string& token,
                                                   const std::string& authority_file) const {
    client::ClientOptions options = OptionsOf(token);
    options.tls = {.enabled = true, .authority_file = authority_file};
    options.timeout = absl::Seconds(10);
    return options;
  }

  [[nodiscard]] absl::Status Ask(const client::ClientOptions& options) const {
    return client::Client(options).GetServerInfo({}).status();
  }

  // Options of a client that shows a certificate.
  [[nodiscard]] client::ClientOptions Showing(const Identity& identity, const std::string& name) {
    client::ClientOptions options = TlsOptionsOf("", path("ca.pem"));
    options.tls.certificate_file = path(name + ".pem");
    options.tls.key_file = path(name + ".key");
    ReplaceFile(options.tls.certificate_file, identity.CertificatePem());
    ReplaceFile(options.tls.key_file, KeyPem(identity.key));
    return options;
  }

  static http::request<http::string_body> InfoRequest(const std::string& token) {
    auto request =
        HttpClient::Request(http::verb::post, "/credence.v1.AccessService/GetCaller", "{}");
    if (!token.empty()) request.set(http::field::authorization, "Bearer " + token);
    return request;
  }

  const Authority authority{"Example Authority"};
  Choices choices;
  absl::Mutex mutex;
  std::vector<absl::Status> changes ABSL_GUARDED_BY(mutex);
};

TEST_F(TlsTest, GrpcAndHttpAnswerUnderTheCertificate) {
  Start(choices);
  const absl::Status status = Ask(TlsOptionsOf(admin_token, path("ca.pem")));
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(
      TlsClient(http_server->port(), path("ca.pem")).Send(InfoRequest(admin_token)).result_int(),
      200U);
}

TEST_F(TlsTest, SeveralRequestsShareAConnection) {
  Start(choices);
  TlsClient client(http_server->port(), path("ca.pem"));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(client.Send(InfoRequest(admin_token)).result_int(), 200U);
}

TEST_F(TlsTest, ClientsInPlaintextAreTurnedAway) {
  Start(choices);
  client::ClientOptions options = OptionsOf(admin_token);
  options.timeout = absl::Seconds(5);
  EXPECT_EQ(Ask(options).code(), absl::StatusCode::kUnavailable);
  HttpClient plain(http_server->port());
  boost::beast::error_code error;
  http::write(plain.stream(), InfoRequest(admin_token), error);
  HttpClient::Response response;
  boost::beast::flat_buffer buffer;
  if (!error) http::read(plain.stream(), buffer, response, error);
  EXPECT_TRUE(error);
}

TEST_F(TlsTest, AClientRefusesAServerOfAnAuthorityThatItDoesNotKnow) {
  Start(choices);
  ReplaceFile(path("other.pem"), Authority("Other Authority").CertificatePem());
  EXPECT_EQ(Ask(TlsOptionsOf(admin_token, path("other.pem"))).code(),
            absl::StatusCode::kUnavailable);
  EXPECT_ANY_THROW(TlsClient(http_server->port(), path("other.pem")));
}

TEST_F(TlsTest, ALogIsReadOverHttpsUnderAnAuthorityWithATokenOrACertificate) {
  v1::AccessGrant grant;
  grant.set_principal("auditor-1");
  grant.set_certificate_subject("CN=auditor-1,O=Example");
  MakeGrantOf(grant, {"auditor"});
  choices.tls.client_authority_file = path("ca.pem");
  Start(choices);
  const std::string url = Cat("https://127.0.0.1:", http_server->port());
  const auto read = [&](const client::HttpIdentity& identity) -> absl::StatusOr<std::string> {
    CREDENCE_ASSIGN_OR_RETURN(const auto source,
                              client::MakeHttpSource(url, absl::Seconds(30), identity));
    return source->Read("checkpoint");
  };
  const auto checkpoint = read({.authority_file = path("ca.pem"), .token = admin_token});
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_THAT(*checkpoint, HasSubstr(kOrigin));
  const client::ClientOptions shown = Showing(authority.MakeClient("auditor-1"), "auditor");
  const auto by_certificate = read({.authority_file = path("ca.pem"),
                                    .certificate_file = shown.tls.certificate_file,
                                    .key_file = shown.tls.key_file});
  EXPECT_TRUE(by_certificate.ok()) << by_certificate.status();
  // The system knows no authority of a test.
  EXPECT_EQ(read({.token = admin_token}).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(read({.authority_file = path("ca.pem")}).status().code(),
            absl::StatusCode::kUnauthenticated);
}

TEST_F(TlsTest, WhatDoesNotGoWithAnAddressIsRefusedBeforeAnythingIsSent) {
  const auto field = [&](const std::string& url, const client::HttpIdentity& identity) {
    const auto source = client::MakeHttpSource(url, absl::Seconds(1), identity);
    return source.ok() ? std::string("OK") : GetErrorDetail(source.status()).fields.front().field;
  };
  const std::string ca = path("ca.pem");
  EXPECT_EQ(field("http://example.org", {.token = "secret"}), "token");
  EXPECT_EQ(field("http://127.0.0.1:1", {.token = "secret"}), "OK");
  EXPECT_EQ(field("http://[::1]:1", {.token = "secret"}), "OK");
  EXPECT_EQ(field("http://127.example.org", {.token = "secret"}), "token");
  EXPECT_EQ(field("https://example.org", {.token = "secret"}), "OK");
  EXPECT_EQ(field("http://127.0.0.1:1", {.authority_file = ca}), "tls.enabled");
  EXPECT_EQ(field("https://127.0.0.1:1", {.authority_file = path("nothing.pem")}),
            "tls.authority_file");
  EXPECT_EQ(field("https://127.0.0.1:1", {.certificate_file = ca}), "tls.key_file");
  EXPECT_EQ(field("https://127.0.0.1:1", {.certificate_file = ca, .key_file = ca}), "tls.key_file");
}

TEST_F(TlsTest, ANewCertificateIsShownWithoutARestart) {
  Start(choices);
  const auto before = std::make_unique<client::Client>(TlsOptionsOf(admin_token, path("ca.pem")));
  ASSERT_TRUE(before->GetServerInfo({}).ok());
  const Authority next("Next Authority");
  Install(next, next.MakeServer());
  // Only the new one is under the next authority.
  const client::ClientOptions options = TlsOptionsOf(admin_token, path("server-ca.pem"));
  absl::Status status = absl::UnavailableError("not asked");
  for (int attempt = 0; attempt < 200 && !status.ok(); ++attempt) {
    status = Ask(options);
    if (!status.ok()) absl::SleepFor(absl::Milliseconds(100));
  }
  EXPECT_TRUE(status.ok()) << status;
  bool shown = false;
  for (int attempt = 0; attempt < 200 && !shown; ++attempt) {
    try {
      shown = TlsClient(http_server->port(), path("server-ca.pem"))
                  .Send(InfoRequest(admin_token))
                  .result_int() == 200U;
    } catch (const boost::system::system_error&) {
      absl::SleepFor(absl::Milliseconds(100));
    }
  }
  EXPECT_TRUE(shown);
  // A connection that was there goes on.
  EXPECT_TRUE(before->GetServerInfo({}).ok());
}

TEST_F(TlsTest, AReplacementThatCannotBeReadLeavesTheOldCertificateInUse) {
  choices.tls.refresh = absl::ZeroDuration();
  Start(choices);
  ReplaceFile(path("server.pem"), "no certificate");
  EXPECT_EQ(
      TlsClient(http_server->port(), path("ca.pem")).Send(InfoRequest(admin_token)).result_int(),
      200U);
  absl::MutexLock lock(&mutex);
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_THAT(std::string(changes.front().message()), HasSubstr("--tls-cert"));
}

TEST_F(TlsTest, AClientCertificateLetsItsHolderInAsThePrincipalOfItsGrant) {
  v1::AccessGrant grant;
  grant.set_principal("forecasters/analyst-1");
  grant.set_certificate_subject("CN=analyst-1,O=Example");
  MakeGrantOf(grant, {"forecaster"});
  choices.tls.client_authority_file = path("ca.pem");
  Start(choices);
  const Identity identity = authority.MakeClient("analyst-1");
  const auto caller = client::Client(Showing(identity, "analyst")).GetCaller({});
  ASSERT_TRUE(caller.ok()) << caller.status();
  EXPECT_EQ(caller->principal(), "forecasters/analyst-1");
  const auto response =
      TlsClient(http_server->port(), path("ca.pem"), &identity).Send(InfoRequest(""));
  EXPECT_EQ(response.result_int(), 200U);
  EXPECT_THAT(response.body(), HasSubstr("forecasters/analyst-1"));
  // Good, but nobody's here.
  const auto stranger =
      client::Client(Showing(authority.MakeClient("stranger"), "stranger")).GetCaller({});
  EXPECT_EQ(stranger.status().code(), absl::StatusCode::kUnauthenticated);
  // None at all is for the handshake to take and for the gate to refuse.
  EXPECT_EQ(Ask(TlsOptionsOf("", path("ca.pem"))).code(), absl::StatusCode::kUnauthenticated);
  EXPECT_TRUE(Ask(TlsOptionsOf(admin_token, path("ca.pem"))).ok());
}

TEST_F(TlsTest, AClientCertificateOfAnotherAuthorityIsTurnedAway) {
  v1::AccessGrant grant;
  grant.set_principal("forecasters/analyst-1");
  grant.set_certificate_subject("CN=analyst-1,O=Example");
  MakeGrantOf(grant, {"forecaster"});
  choices.tls.client_authority_file = path("ca.pem");
  Start(choices);
  const Identity forged = Authority("Other Authority").MakeClient("analyst-1");
  EXPECT_EQ(client::Client(Showing(forged, "forged")).GetCaller({}).status().code(),
            absl::StatusCode::kUnavailable);
  EXPECT_ANY_THROW(TlsClient(http_server->port(), path("ca.pem"), &forged).Send(InfoRequest("")));
}

TEST_F(TlsTest, WhereCertificatesAreRequiredATokenAloneDoesNotDo) {
  choices.tls.client_authority_file = path("ca.pem");
  choices.tls.client_certificate_required = true;
  Start(choices);
  EXPECT_EQ(Ask(TlsOptionsOf(admin_token, path("ca.pem"))).code(), absl::StatusCode::kUnavailable);
  EXPECT_ANY_THROW(TlsClient(http_server->port(), path("ca.pem")).Send(InfoRequest(admin_token)));
  client::ClientOptions options = Showing(authority.MakeClient("anybody"), "anybody");
  options.token = admin_token;
  EXPECT_TRUE(Ask(options).ok());
}

TEST_F(TlsTest, AStreamOverHttpsEndsWhenItsClientGoesAway) {
  Start(choices);
  {
    TlsClient client(http_server->port(), path("ca.pem"));
    auto request =
        HttpClient::Request(http::verb::post, "/credence.v1.LedgerService/WatchEvents",
                            Envelope(R"({"startPosition":"0"})"), "application/connect+json");
    request.set(http::field::authorization, "Bearer " + admin_token);
    http::write(client.stream(), request);
    http::response_parser<http::string_body> parser;
    boost::beast::flat_buffer buffer;
    http::read_header(client.stream(), buffer, parser);
    EXPECT_EQ(http_server->connection_count(), 1U);
    // What the server has not read yet stands before the end of the connection.
    http::write(client.stream(), request);
  }
  for (int attempt = 0; attempt < 300 && http_server->connection_count() > 0; ++attempt) {
    absl::SleepFor(absl::Milliseconds(50));
  }
  EXPECT_EQ(http_server->connection_count(), 0U);
}

// --- Files ---

TEST_F(TlsTest, FilesThatDoNotFitAreNamedWithTheirFlag) {
  const auto check = [this](const char* flag, const std::string& words) {
    const absl::Status status = CheckTlsFiles(choices.tls);
    ASSERT_FALSE(status.ok()) << flag;
    EXPECT_EQ(GetErrorDetail(status).fields.front().field, flag);
    EXPECT_THAT(std::string(status.message()), HasSubstr(words));
  };
  EXPECT_TRUE(CheckTlsFiles(choices.tls).ok());
  ReplaceFile(path("server.key"), KeyPem(MakeEcKey()));
  check("--tls-key", "is no private key of");
  std::filesystem::remove(path("server.key"));
  check("--tls-key", "cannot be read");
  Install(authority, authority.MakeServer(-absl::Hours(1)));
  check("--tls-cert", "has expired");
  ReplaceFile(path("server.pem"), "no certificate");
  check("--tls-cert", "server.pem");
  Install(authority, authority.MakeServer());
  choices.tls.client_authority_file = path("none.pem");
  check("--tls-client-ca", "cannot be read");
}

// --- Clients ---

TEST_F(TlsTest, AClientSendsNoTokenInPlaintextToAnotherMachine) {
  client::ClientOptions options;
  options.token = "credence_x";
  options.endpoint = "ledger.example.org:7700";
  const absl::Status status = client::Client(options).GetServerInfo({}).status();
  EXPECT_EQ(GetErrorDetail(status).fields.front().field, "token") << status;
  options.endpoint = "127.0.0.1:7700";
  EXPECT_TRUE(client::CheckConnection(options).ok());
  options.endpoint = "127.evil.example.org:7700";
  EXPECT_FALSE(client::CheckConnection(options).ok());
}

TEST_F(TlsTest, AClientSaysWhichOfItsFilesItCannotUse) {
  const auto check = [](const client::ClientTls& tls, const char* field) {
    client::ClientOptions options;
    options.tls = tls;
    const absl::Status status = client::Client(options).GetServerInfo({}).status();
    ASSERT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << field;
    EXPECT_EQ(GetErrorDetail(status).fields.front().field, field) << status;
  };
  check({.enabled = true, .authority_file = path("none.pem")}, "tls.authority_file");
  check({.enabled = true, .certificate_file = path("ca.pem")}, "tls.key_file");
  check({.enabled = false, .authority_file = path("ca.pem")}, "tls.enabled");
}

}  // namespace
}  // namespace credence::server
