#include "main/serve_security.h"

#include "credence/cli/exit_code.h"
#include "main/commands.h"
#include "program_run.h"
#include "secured.h"

// What `credence serve` refuses to start with, and the tokens that are made without a server.
namespace credence::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ServeSecurityTest : public SecuredTest {
 protected:
  static Ran Run(const std::vector<std::string>& args) {
    return RunCommands(args, {RegisterServe, RegisterToken}, "");
  }

  // What it says where it refuses; it serves where it does not, so refusals only.
  [[nodiscard]] std::string Refusal(const std::vector<std::string>& flags) const {
    std::vector<std::string> args = {"serve", "--data", data()};
    args.insert(args.end(), flags.begin(), flags.end());
    const Ran ran = Run(args);
    EXPECT_EQ(ran.exit_code, cli::kExitUsage) << ran.err;
    return ran.err;
  }

  [[nodiscard]] static absl::Status Check(SecurityFlags flags, const std::string& listen) {
    return CheckSecurity(flags, listen, "127.0.0.1:7701");
  }
};

TEST_F(ServeSecurityTest, PlaintextIsForLoopbackAddressesOnly) {
  EXPECT_THAT(Refusal({"--listen", "0.0.0.0:0"}), HasSubstr("--tls-cert"));
  EXPECT_THAT(Refusal({"--listen", "[::]:0"}), HasSubstr("--tls-cert"));
  EXPECT_THAT(Refusal({"--http", "0.0.0.0:0"}), HasSubstr("--http 0.0.0.0:0"));
  // Tokens in plaintext are no better.
  EXPECT_THAT(Refusal({"--listen", "0.0.0.0:0", "--access", "required"}), HasSubstr("--tls-cert"));
}

TEST_F(ServeSecurityTest, BeyondLoopbackCallersMustSayWhoTheyAre) {
  SecurityFlags flags;
  flags.tls.certificate_file = "server.pem";
  flags.tls.key_file = "server.key";
  EXPECT_TRUE(Check(flags, "0.0.0.0:7700").ok());
  EXPECT_TRUE(flags.access_required(false));
  EXPECT_FALSE(flags.access_required(true));
  flags.access = "open";
  const absl::Status refused = Check(flags, "0.0.0.0:7700");
  EXPECT_THAT(std::string(refused.message()), HasSubstr("leave out --access open"));
  EXPECT_TRUE(Check(flags, "127.0.0.1:7700").ok());
}

TEST_F(ServeSecurityTest, FlagsThatMakeNoSenseAloneAreRefused) {
  EXPECT_THAT(Refusal({"--tls-cert", "a.pem"}), HasSubstr("--tls-key"));
  EXPECT_THAT(Refusal({"--tls-client-ca", "a.pem"}), HasSubstr("--tls-client-ca"));
  EXPECT_THAT(Refusal({"--require-client-cert"}), HasSubstr("--require-client-cert"));
  EXPECT_THAT(Refusal({"--oidc-issuer", "https://id"}), HasSubstr("--oidc-jwks"));
  EXPECT_THAT(Refusal({"--public-reads"}), HasSubstr("--access required"));
  EXPECT_THAT(Refusal({"--access", "opne"}), HasSubstr("--access"));
}

TEST_F(ServeSecurityTest, ABadCertificateIsNamedAtTheStart) {
  ReplaceFile(path("server.pem"), "no certificate");
  ReplaceFile(path("server.key"), "no key");
  const Ran ran = Run({"serve", "--data", data(), "--listen", "127.0.0.1:0", "--tls-cert",
                       path("server.pem"), "--tls-key", path("server.key")});
  EXPECT_NE(ran.exit_code, 0);
  EXPECT_THAT(ran.err, HasSubstr(path("server.pem")));
}

TEST_F(ServeSecurityTest, TokensAreMadeListedAndRevokedOnTheFiles) {
  const Ran made = Run({"token", "create", "--data", data(), "--principal", "forecasters/analyst-1",
                        "--role", "forecaster:energy", "--role", "reader", "--expires", "90d"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  // The token alone, so that it can be written to a file.
  std::string id;
  std::string secret;
  ASSERT_EQ(made.out.back(), '\n');
  ASSERT_TRUE(SplitToken(made.out.substr(0, made.out.size() - 1), id, secret)) << made.out;
  EXPECT_THAT(made.err, Not(HasSubstr(secret)));
  const Ran list = Run({"token", "list", "--data", data()});
  EXPECT_THAT(list.out, HasSubstr("forecasters/analyst-1"));
  EXPECT_THAT(list.out, HasSubstr("forecaster:energy reader"));
  EXPECT_THAT(list.out, Not(HasSubstr(secret)));
  const Ran revoked = Run({"token", "revoke", Cat("accessGrants/", id), "--data", data()});
  ASSERT_EQ(revoked.exit_code, 0) << revoked.err;
  EXPECT_THAT(Run({"token", "list", "--data", data()}).out, Not(HasSubstr(id)));
  EXPECT_THAT(Run({"token", "list", "--all", "--data", data()}).out, HasSubstr(id));
}

TEST_F(ServeSecurityTest, MistakesOfTokenCommandsAreExplained) {
  const auto create = [&](const std::vector<std::string>& flags) {
    std::vector<std::string> args = {"token", "create", "--data", data()};
    args.insert(args.end(), flags.begin(), flags.end());
    const Ran ran = Run(args);
    EXPECT_NE(ran.exit_code, 0);
    EXPECT_EQ(ran.out, "");
    return ran.err;
  };
  EXPECT_THAT(create({"--role", "reader"}), HasSubstr("must say who the holder is"));
  EXPECT_THAT(create({"--principal", "a", "--role", "redaer"}), HasSubstr("--role"));
  EXPECT_THAT(create({"--principal", "a", "--role", "reader:"}), HasSubstr("no tag"));
  EXPECT_THAT(create({"--principal", "a", "--role", "reader", "--expires", "soon"}),
              HasSubstr("--expires"));
  EXPECT_THAT(create({"--principal", "analyst-1", "--role", "forecaster"}),
              HasSubstr("forecasters/{forecaster}"));
}

TEST_F(ServeSecurityTest, TheCommandLineTakesItsTokenFromAFile) {
  const std::string token = MakeToken("reader-1", {"reader"});
  Start();
  ReplaceFile(path("token"), token + "\n");
  const std::string endpoint = Cat("127.0.0.1:", server->port());
  const Ran known = Run({"token", "whoami", "--endpoint", endpoint, "--token-file", path("token")});
  EXPECT_EQ(known.exit_code, 0) << known.err;
  EXPECT_THAT(known.out, HasSubstr("reader-1"));
  const Ran unknown = Run({"token", "whoami", "--endpoint", endpoint});
  EXPECT_EQ(unknown.exit_code, cli::kExitPermission) << unknown.err;
  const Ran absent = Run({"token", "whoami", "--endpoint", endpoint, "--token-file", path("none")});
  EXPECT_EQ(absent.exit_code, cli::kExitUsage);
  const Ran plaintext = Run(
      {"token", "whoami", "--endpoint", "ledger.example.org:7700", "--token-file", path("token")});
  EXPECT_EQ(plaintext.exit_code, cli::kExitUsage);
  EXPECT_THAT(plaintext.err, HasSubstr("plaintext"));
}

}  // namespace
}  // namespace credence::server
