#include <sys/stat.h>

#include <algorithm>
#include <iterator>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/synchronization/notification.h"
#include "access/authorize.h"
#include "access/method_rules.h"
#include "secured.h"

// Who is let in, and what each may do.
namespace credence::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

template <typename Response>
std::string ReasonOf(const absl::StatusOr<Response>& response) {
  return response.ok() ? "OK" : GetErrorDetail(response.status()).reason;
}

class AccessTest : public SecuredTest {};

// --- Tokens ---

TEST_F(AccessTest, ACallWithoutATokenIsRefused) {
  Start();
  const auto response = As("")->GetServerInfo({});
  ExpectError(response, absl::StatusCode::kUnauthenticated, "UNAUTHENTICATED", "");
}

TEST_F(AccessTest, ATokenLetsItsHolderIn) {
  const std::string token = MakeToken("reader-1", {"reader"});
  Start();
  EXPECT_EQ(ReasonOf(As(token)->GetServerInfo({})), "OK");
  const auto caller = As(token)->GetCaller({});
  ASSERT_TRUE(caller.ok()) << caller.status();
  EXPECT_EQ(caller->principal(), "reader-1");
  EXPECT_TRUE(caller->access_required());
  ASSERT_EQ(caller->roles_size(), 1);
  EXPECT_EQ(caller->roles(0).role(), v1::ROLE_READER);
}

TEST_F(AccessTest, ATokenThatIsChangedAnywhereIsRefused) {
  const std::string token = MakeToken("reader-1", {"reader"});
  Start();
  for (size_t i = 0; i < token.size(); i += 7) {
    std::string changed = token;
    changed[i] = changed[i] == 'a' ? 'b' : 'a';
    EXPECT_EQ(ReasonOf(As(changed)->GetServerInfo({})), "UNAUTHENTICATED") << i;
  }
  EXPECT_EQ(ReasonOf(As(token.substr(0, token.size() - 1))->GetServerInfo({})), "UNAUTHENTICATED");
  EXPECT_EQ(ReasonOf(As(token + "a")->GetServerInfo({})), "UNAUTHENTICATED");
}

TEST_F(AccessTest, AnExpiredTokenIsRefused) {
  v1::AccessGrant grant;
  grant.set_principal("reader-1");
  grant.mutable_expire_time()->set_seconds(absl::ToUnixSeconds(now + absl::Hours(1)));
  const std::string token = MakeGrantOf(grant, {"reader"}).token;
  Start();
  EXPECT_EQ(ReasonOf(As(token)->GetServerInfo({})), "OK");
  now += absl::Hours(1);
  EXPECT_EQ(ReasonOf(As(token)->GetServerInfo({})), "UNAUTHENTICATED");
}

TEST_F(AccessTest, ARevokedTokenIsRefusedFromTheNextCallOn) {
  Start();
  v1::CreateAccessGrantRequest request;
  request.mutable_access_grant()->set_principal("reader-1");
  request.mutable_access_grant()->add_roles()->set_role(v1::ROLE_READER);
  const auto made = As(admin_token)->CreateAccessGrant(request);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->access_grant().creator(), "operator-1");
  const auto reader = As(made->token());
  EXPECT_EQ(ReasonOf(reader->GetServerInfo({})), "OK");
  v1::RevokeAccessGrantRequest revoke;
  revoke.set_name(made->access_grant().name());
  EXPECT_EQ(ReasonOf(As(admin_token)->RevokeAccessGrant(revoke)), "OK");
  EXPECT_EQ(ReasonOf(reader->GetServerInfo({})), "UNAUTHENTICATED");
}

TEST_F(AccessTest, TokensAreHashedAtRestInAFileOfTheirOwner) {
  const std::string token = MakeToken("reader-1", {"reader"});
  Start();
  EXPECT_EQ(ReasonOf(As(token)->GetServerInfo({})), "OK");
  EXPECT_EQ(ReasonOf(As(token + "x")->GetServerInfo({})), "UNAUTHENTICATED");
  std::string id;
  std::string secret;
  ASSERT_TRUE(SplitToken(token, id, secret));
  EXPECT_THAT(ReadFile(AccessPath(data())), HasSubstr(id));
  EXPECT_THAT(ReadFile(AccessPath(data())), Not(HasSubstr(secret)));
  EXPECT_THAT(AuditText(), Not(HasSubstr(secret)));
  struct stat info {};
  ASSERT_EQ(stat(AccessPath(data()).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(AccessTest, GrantsMadeOnTheFilesCountWithoutARestart) {
  Start();
  const std::string token = MakeToken("reader-1", {"reader"});
  EXPECT_EQ(ReasonOf(As(token)->GetServerInfo({})), "OK");
}

TEST_F(AccessTest, GrantsOfAnotherLedgerCountForNothing) {
  const auto read = ReadAccessFile(AccessPath(data()), "another/ledger");
  EXPECT_EQ(GetErrorDetail(read.status()).reason, "WRONG_STATE");
}

TEST_F(AccessTest, AWatchEndsWhenItsTokenIsRevoked) {
  v1::AccessGrant grant;
  grant.set_principal("reader-1");
  const MadeGrant made = MakeGrantOf(grant, {"reader"});
  Start();
  const auto reader = As(made.token);
  v1::WatchEventsRequest request;
  request.set_start_position(0);
  bool revoked = false;
  const absl::Status ended = reader->WatchEvents(request, [&](const v1::WatchEventsResponse&) {
    if (!revoked) {
      v1::RevokeAccessGrantRequest revoke;
      revoke.set_name(made.grant.name());
      EXPECT_TRUE(control->Revoke(revoke.name()).ok());
      revoked = true;
      now += absl::Seconds(2);
    }
    MakeForecaster(Cat("f-", log->tree_head().size.value));
    return true;
  });
  EXPECT_EQ(ended.code(), absl::StatusCode::kUnauthenticated) << ended;
}

// --- Malformed grants ---

TEST_F(AccessTest, AGrantSaysWhatIsWrongWithIt) {
  Start();
  const auto admin = As(admin_token);
  const std::pair<const char*, const char*> wrong[] = {
      {"roles { role: ROLE_READER }", "access_grant.principal"},
      {"principal: 'system' roles { role: ROLE_READER }", "access_grant.principal"},
      {"principal: 'reader-1'", "access_grant.roles"},
      {"principal: 'reader-1' roles { }", "access_grant.roles[0].role"},
      {"principal: 'a' roles { role: ROLE_ADMIN tag: 'x' }", "access_grant.roles[0].tag"},
      {"principal: 'analyst-1' roles { role: ROLE_FORECASTER }", "access_grant.principal"},
      {"principal: 'a' roles { role: ROLE_READER } certificate_subject: ''",
       "access_grant.certificate_subject"},
      {"principal: 'a' roles { role: ROLE_READER } jwt_group: 'g'", "access_grant.principal"},
      {"principal: 'a' roles { role: ROLE_READER } expire_time { seconds: 1 }",
       "access_grant.expire_time"},
      {"principal: 'a' roles { role: ROLE_READER } budget { calls_per_second: -1 }",
       "access_grant.budget.calls_per_second"},
      {"principal: 'a' roles { role: ROLE_READER } budget { calls_per_second: nan }",
       "access_grant.budget.calls_per_second"},
      {"principal: 'a' roles { role: ROLE_READER } budget { calls_in_flight_max: -1 }",
       "access_grant.budget.calls_in_flight_max"},
      {"principal: 'a' roles { role: ROLE_READER } budget { streams_max: -1 }",
       "access_grant.budget.streams_max"},
      {"principal: 'a' roles { role: ROLE_READER } budget { writes_per_day_max: -1 }",
       "access_grant.budget.writes_per_day_max"},
  };
  for (const auto& [text, field] : wrong) {
    const auto made = admin->CreateAccessGrant(
        Text<v1::CreateAccessGrantRequest>(Cat("access_grant { ", text, " }")));
    ASSERT_FALSE(made.ok()) << text;
    EXPECT_EQ(made.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_EQ(GetErrorDetail(made.status()).fields.front().field, field) << text;
  }
  v1::RevokeAccessGrantRequest revoke;
  revoke.set_name("accessGrants/nobody");
  EXPECT_EQ(ReasonOf(admin->RevokeAccessGrant(revoke)), "NOT_FOUND");
}

// --- Roles ---

// Every method, and who of reader, forecaster, analyst, resolver, auditor (u) may call it; an admin
// may all. A capital letter stands for those who may in their own name only.
struct Line {
  std::string_view method;
  std::string_view allowed;
};
constexpr Line kTable[] = {
    {"QuestionService/CreateQuestion", "a"},
    {"QuestionService/BatchCreateQuestions", "a"},
    {"QuestionService/GetQuestion", "rfasu"},
    {"QuestionService/ListQuestions", "rfasu"},
    {"QuestionService/UpdateQuestion", "a"},
    {"QuestionService/OpenQuestion", "a"},
    {"QuestionService/CloseQuestion", "as"},
    {"QuestionService/ResolveQuestion", "s"},
    {"QuestionService/AmendResolution", "s"},
    {"QuestionService/AnnulQuestion", "s"},
    {"QuestionService/BatchResolveQuestions", "s"},
    {"ViewService/BatchGetHistories", "rfasu"},
    {"ViewService/SimulatePool", "rfasu"},
    {"NetworkService/CreateNetwork", "a"},
    {"NetworkService/GetNetwork", "rfasu"},
    {"NetworkService/ListNetworks", "rfasu"},
    {"NetworkService/ReviseNetwork", "a"},
    {"NetworkService/ListNetworkRevisions", "rfasu"},
    {"NetworkService/ValidateNetwork", "rfasu"},
    {"EvidenceService/CreateEvidence", "a"},
    {"EvidenceService/BatchCreateEvidence", "a"},
    {"EvidenceService/GetEvidence", "rfasu"},
    {"EvidenceService/ListEvidence", "rfasu"},
    {"EvidenceService/RetractEvidence", "a"},
    {"EvidenceService/SupersedeEvidence", "a"},
    {"EvidenceService/ClusterEvidence", "a"},
    {"EvidenceService/CreateSource", "a"},
    {"EvidenceService/GetSource", "rfasu"},
    {"EvidenceService/ListSources", "rfasu"},
    {"EvidenceService/SetGradeTable", "a"},
    {"EvidenceService/GetGradeTable", "rfasu"},
    {"ForecastService/CreateForecaster", "aF"},
    {"ForecastService/BatchCreateForecasters", "a"},
    {"ForecastService/GetForecaster", "rfasu"},
    {"ForecastService/ListForecasters", "rfasu"},
    {"ForecastService/CreateForecast", "F"},
    {"ForecastService/BatchCreateForecasts", "F"},
    {"ForecastService/SealForecast", "F"},
    {"ForecastService/RevealForecast", "F"},
    {"ForecastService/WithdrawForecast", "F"},
    {"ForecastService/ListForecasts", "rfasu"},
    {"ForecastService/GetPool", "rfasu"},
    {"ForecastService/ListPosteriors", "rfasu"},
    {"ForecastService/WatchPosteriors", "rfasu"},
    {"AuthorService/RegisterAuthorKey", "AF"},
    {"AuthorService/RevokeAuthorKey", "AF"},
    {"AuthorService/ListAuthorKeys", "rfasu"},
    {"InferenceService/QueryPosterior", "rfasu"},
    {"InferenceService/ExplainPosterior", "rfasu"},
    {"InferenceService/SimulatePosterior", "rfasu"},
    {"InferenceService/RankIndicators", "rfasu"},
    {"InferenceService/AnalyzeSensitivity", "rfasu"},
    {"InferenceService/QueryJoint", "rfasu"},
    {"InferenceService/FindMostProbableExplanation", "rfasu"},
    {"InferenceService/AssessEvidence", "rfasu"},
    {"InferenceService/ListCoherenceAlarms", "rfasu"},
    {"InferenceService/WatchCoherenceAlarms", "rfasu"},
    {"ScoreService/ListScores", "rfasu"},
    {"ScoreService/GetScorecard", "rfasu"},
    {"ScoreService/GetLeaderboard", "rfasu"},
    {"ScoreService/GetCalibration", "rfasu"},
    {"ScoreService/CompareForecasters", "rfasu"},
    {"LedgerService/ListEvents", "rfasu"},
    {"LedgerService/WatchEvents", "rfasu"},
    {"LedgerService/GetTreeHead", "rfasu"},
    {"LedgerService/GetCheckpoint", "rfasu"},
    {"LedgerService/GetInclusionProof", "rfasu"},
    {"LedgerService/GetConsistencyProof", "rfasu"},
    {"LedgerService/GetTile", "rfasu"},
    {"LedgerService/RecordStreamHeads", "u"},
    {"LedgerService/GetCompletenessProof", "rfasu"},
    {"LedgerService/GetServerInfo", "rfasu"},
    {"AdminService/CreateBacktestJob", "au"},
    {"AdminService/GetBacktestJob", "au"},
    {"AdminService/CreateBackup", ""},
    {"AdminService/EraseTexts", ""},
    {"AccessService/CreateAccessGrant", ""},
    {"AccessService/ListAccessGrants", "u"},
    {"AccessService/RevokeAccessGrant", ""},
    {"AccessService/GetCaller", "rfasu"},
};

// Null for a method that is in no line.
const Line* LineOf(const std::string& method) {
  const auto* const found = std::find_if(std::begin(kTable), std::end(kTable),
                                         [&](const Line& line) { return line.method == method; });
  return found == std::end(kTable) ? nullptr : found;
}

constexpr std::string_view kLetters = "rfasu";
constexpr v1::Role kRoles[] = {v1::ROLE_READER, v1::ROLE_FORECASTER, v1::ROLE_ANALYST,
                               v1::ROLE_RESOLVER, v1::ROLE_AUDITOR};
constexpr std::string_view kPackage = "credence.v1.";

// A request of the type that names `own` wherever the rule looks for the caller's own name.
std::unique_ptr<google::protobuf::Message> RequestFor(const MethodRule& rule,
                                                      const google::protobuf::Descriptor& type,
                                                      const std::string& own) {
  std::unique_ptr<google::protobuf::Message> request(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(&type)->New());
  for (std::string_view path_left : rule.own_paths) {
    google::protobuf::Message* message = request.get();
    while (true) {
      const size_t dot = path_left.find('.');
      const auto* const field =
          message->GetDescriptor()->FindFieldByName(std::string(path_left.substr(0, dot)));
      const auto* const reflection = message->GetReflection();
      if (dot == std::string_view::npos) {
        reflection->SetString(message, field, own);
        break;
      }
      message = field->is_repeated() ? reflection->AddMessage(message, field)
                                     : reflection->MutableMessage(message, field);
      path_left.remove_prefix(dot + 1);
    }
  }
  return request;
}

class RolesTest : public testing::Test {
 protected:
  [[nodiscard]] static absl::Status Try(const MethodRule& rule,
                                        const google::protobuf::Descriptor& type, v1::Role role,
                                        const std::string& own) {
    Principal principal{.name = "forecasters/own", .credential = "", .roles = {}};
    principal.roles.emplace_back().set_role(role);
    return Authorize(rule, principal, *RequestFor(rule, type, own), State());
  }
};

TEST_F(RolesTest, EveryMethodOfEveryServiceHasTheRolesOfTheTable) {
  Router router;
  TemporaryDirectory directory;
  ledger::SimulatedClock clock{Instant("2026-02-01T00:00:00Z")};
  ASSERT_TRUE(
      ledger::Log::Create({.directory = directory.path(), .origin = "o", .clock = &clock}).ok());
  auto log = ledger::Log::OpenReadOnly(directory.path());
  ASSERT_TRUE(log.ok()) << log.status();
  Engine engine(log->get(), &clock);
  AddServices(router, engine);
  size_t walked = 0;
  for (const auto& [service, methods] : router.services()) {
    const auto* const declared =
        google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(service);
    for (const auto& [method, entry] : methods) {
      const std::string name = Cat(service.substr(kPackage.size()), "/", method);
      const Line* const line = LineOf(name);
      ASSERT_NE(line, nullptr) << name << " is in no line of the table";
      const std::string_view allowed = line->allowed;
      const MethodRule& rule = RuleOf(Cat(kPackage, name));
      const auto& type = *declared->FindMethodByName(method)->input_type();
      for (size_t i = 0; i < kLetters.size(); ++i) {
        const char letter = kLetters[i];
        const char capital = absl::ascii_toupper(static_cast<unsigned char>(letter));
        const bool may = allowed.find(letter) != std::string_view::npos;
        const bool may_own = allowed.find(capital) != std::string_view::npos;
        EXPECT_EQ(Try(rule, type, kRoles[i], "forecasters/own").ok(), may || may_own)
            << name << " " << letter;
        EXPECT_EQ(Try(rule, type, kRoles[i], "forecasters/another").ok(), may)
            << name << " " << letter;
      }
      EXPECT_TRUE(Try(rule, type, v1::ROLE_ADMIN, "forecasters/another").ok()) << name;
      ++walked;
    }
  }
  EXPECT_EQ(walked, std::size(kTable));
  // One more, for what is no method.
  EXPECT_EQ(AllRules().size(), walked + 1);
}

TEST_F(RolesTest, PathsOfTheRulesAreFieldsOfTheirRequests) {
  for (const MethodRule& rule : AllRules()) {
    if (rule.method == kMetricsPath) continue;
    const std::string name(rule.method);
    const auto* const method = google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(
        Cat(name.substr(0, name.find('/')), ".", name.substr(name.find('/') + 1)));
    ASSERT_NE(method, nullptr) << name;
    std::vector<std::string> paths = rule.paths;
    paths.insert(paths.end(), rule.own_paths.begin(), rule.own_paths.end());
    if (!rule.tags_path.empty()) paths.push_back(rule.tags_path);
    for (const std::string& path : paths) {
      const google::protobuf::Descriptor* type = method->input_type();
      const google::protobuf::FieldDescriptor* field = nullptr;
      std::string_view left = path;
      while (!left.empty()) {
        ASSERT_NE(type, nullptr) << name << " " << path;
        const size_t dot = left.find('.');
        field = type->FindFieldByName(std::string(left.substr(0, dot)));
        ASSERT_NE(field, nullptr) << name << " " << path;
        type = field->message_type();
        left = dot == std::string_view::npos ? "" : left.substr(dot + 1);
      }
      EXPECT_EQ(field->cpp_type(), google::protobuf::FieldDescriptor::CPPTYPE_STRING) << path;
    }
    // Who is limited to tags is held against something, or it is said that there is nothing.
    const bool looks = rule.scope != MethodScope::kCommon && rule.scope != MethodScope::kLedger;
    EXPECT_EQ(looks, !rule.paths.empty()) << name;
  }
}

// The table says who; this says that the server asks, over the wire, in front of every method.
TEST_F(AccessTest, EveryMethodIsRefusedOverTheWireToCallersWithoutAToken) {
  Start();
  const auto nobody = As("");
  const auto* const pool = google::protobuf::DescriptorPool::generated_pool();
  for (const auto& [service, methods] : router->services()) {
    for (const auto& [method, entry] : methods) {
      const auto* const declared = pool->FindServiceByName(service)->FindMethodByName(method);
      if (entry.stream) continue;
      auto* const factory = google::protobuf::MessageFactory::generated_factory();
      const std::unique_ptr<google::protobuf::Message> request(
          factory->GetPrototype(declared->input_type())->New());
      const std::unique_ptr<google::protobuf::Message> response(
          factory->GetPrototype(declared->output_type())->New());
      const absl::Status status = nobody->CallMessage(*request, *response);
      EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated) << service << "/" << method;
    }
  }
  const auto none = [](const auto&) { return false; };
  EXPECT_EQ(nobody->WatchEvents({}, none).code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(nobody->WatchPosteriors({}, none).code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(nobody->WatchCoherenceAlarms({}, none).code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(nobody->CreateBackup({}, none).code(), absl::StatusCode::kUnauthenticated);
}

TEST_F(AccessTest, ARoleThatDoesNotReachIsNamedWithTheOneThatDoes) {
  const std::string token = MakeToken("reader-1", {"reader"});
  Start();
  const int64_t size = log->tree_head().size.value;
  const auto response = As(token)->CreateNetwork(Text<v1::CreateNetworkRequest>(kNetwork));
  ExpectError(response, absl::StatusCode::kPermissionDenied, "PERMISSION_DENIED", "");
  EXPECT_THAT(std::string(response.status().message()),
              HasSubstr("reader-1 needs the role analyst or admin"));
  EXPECT_EQ(log->tree_head().size.value, size);
}

// --- Own name ---

class OwnNameTest : public AccessTest {
 protected:
  void SetUp() override {
    AccessTest::SetUp();
    first_token = MakeToken("forecasters/first", {"forecaster"});
    second_token = MakeToken("forecasters/second", {"forecaster"});
    Start();
    MakeQuestion("q", "energy");
    MakeForecaster("first");
    MakeForecaster("second");
  }
  std::string first_token;
  std::string second_token;
};

TEST_F(OwnNameTest, AForecasterForecastsAsItselfOnly) {
  const auto first = As(first_token);
  EXPECT_EQ(ReasonOf(first->CreateForecast(Forecast("q", "first"))), "OK");
  const auto denied = first->CreateForecast(Forecast("q", "second"));
  EXPECT_EQ(ReasonOf(denied), "PERMISSION_DENIED");
  EXPECT_THAT(std::string(denied.status().message()), HasSubstr("forecasters/second"));
}

TEST_F(OwnNameTest, OneItemInAnothersNameRefusesTheWholeBatch) {
  const int64_t size = log->tree_head().size.value;
  v1::BatchCreateForecastsRequest batch;
  for (const char* forecaster : {"first", "second"}) {
    auto& item = *batch.add_items();
    item.set_parent("questions/q");
    *item.mutable_forecast() = Forecast("q", forecaster).forecast();
  }
  EXPECT_EQ(ReasonOf(As(first_token)->BatchCreateForecasts(batch)), "PERMISSION_DENIED");
  EXPECT_EQ(log->tree_head().size.value, size);
}

TEST_F(OwnNameTest, NobodyWithdrawsAnothersForecast) {
  EXPECT_EQ(ReasonOf(As(first_token)->CreateForecast(Forecast("q", "first"))), "OK");
  v1::WithdrawForecastRequest withdraw;
  withdraw.set_parent("questions/q");
  withdraw.set_forecaster("forecasters/first");
  EXPECT_EQ(ReasonOf(As(second_token)->WithdrawForecast(withdraw)), "PERMISSION_DENIED");
  EXPECT_EQ(ReasonOf(As(first_token)->WithdrawForecast(withdraw)), "OK");
}

TEST_F(OwnNameTest, ASealIsRevealedByWhoeverSealedIt) {
  v1::SealForecastRequest seal;
  seal.set_parent("questions/q");
  seal.set_forecast_id("sealed");
  seal.set_forecaster("forecasters/first");
  seal.set_digest(std::string(32, 'd'));
  seal.mutable_reveal_time()->set_seconds(absl::ToUnixSeconds(Instant("2026-03-01T00:00:00Z")));
  EXPECT_EQ(ReasonOf(As(second_token)->SealForecast(seal)), "PERMISSION_DENIED");
  const auto sealed = As(first_token)->SealForecast(seal);
  ASSERT_TRUE(sealed.ok()) << sealed.status();
  v1::RevealForecastRequest reveal;
  reveal.set_name("questions/q/forecasts/sealed");
  EXPECT_EQ(ReasonOf(As(second_token)->RevealForecast(reveal)), "PERMISSION_DENIED");
  // Let through: what is refused then is the salt.
  EXPECT_EQ(ReasonOf(As(first_token)->RevealForecast(reveal)), "FIELD_REQUIRED");
}

TEST_F(OwnNameTest, WhatIsWrittenBearsThePrincipalAsItsActor) {
  const auto made = As(first_token)->CreateForecast(Forecast("q", "first"));
  ASSERT_TRUE(made.ok()) << made.status();
  v1::ListEventsRequest list;
  list.set_start_position(made->receipt().position());
  const auto events = As(admin_token)->ListEvents(list);
  ASSERT_TRUE(events.ok()) << events.status();
  ASSERT_GT(events->events_size(), 0);
  EXPECT_EQ(events->events(0).envelope().actor(), "forecasters/first");
}

TEST_F(OwnNameTest, OnlyAnAdminStatesAnotherActor) {
  auto request = Forecast("q", "first");
  request.mutable_options()->set_actor("forecasters/second");
  EXPECT_EQ(ReasonOf(As(first_token)->CreateForecast(request)), "PERMISSION_DENIED");
  EXPECT_EQ(ReasonOf(As(admin_token)->CreateForecast(request)), "OK");
}

TEST_F(OwnNameTest, AForecasterBackdatesNothing) {
  auto request = Forecast("q", "first");
  request.mutable_options()->mutable_effective_time()->set_seconds(
      absl::ToUnixSeconds(Instant("2026-01-15T00:00:00Z")));
  EXPECT_EQ(ReasonOf(As(first_token)->CreateForecast(request)), "PERMISSION_DENIED");
  v1::BatchCreateForecastsRequest batch;
  auto& item = *batch.add_items();
  item.set_parent("questions/q");
  *item.mutable_forecast() = request.forecast();
  *item.mutable_effective_time() = request.options().effective_time();
  EXPECT_EQ(ReasonOf(As(first_token)->BatchCreateForecasts(batch)), "PERMISSION_DENIED");
  EXPECT_EQ(ReasonOf(As(admin_token)->CreateForecast(request)), "OK");
}

TEST_F(OwnNameTest, AKeyIsRevokedByItsAuthorOrAnAdminOnly) {
  v1::RevokeAuthorKeyRequest revoke;
  revoke.set_parent("forecasters/first");
  revoke.set_public_key(std::string(32, 'k'));
  EXPECT_EQ(ReasonOf(As(second_token)->RevokeAuthorKey(revoke)), "PERMISSION_DENIED");
  const std::string analyst = MakeToken("analyst-1", {"analyst"});
  EXPECT_EQ(ReasonOf(As(analyst)->RevokeAuthorKey(revoke)), "PERMISSION_DENIED");
  // Let through: there is no such key.
  EXPECT_NE(ReasonOf(As(first_token)->RevokeAuthorKey(revoke)), "PERMISSION_DENIED");
  EXPECT_NE(ReasonOf(As(admin_token)->RevokeAuthorKey(revoke)), "PERMISSION_DENIED");
}

TEST_F(OwnNameTest, AForecasterRegistersItselfOnly) {
  const auto third = As(MakeToken("forecasters/third", {"forecaster"}));
  v1::CreateForecasterRequest request;
  request.set_forecaster_id("fourth");
  EXPECT_EQ(ReasonOf(third->CreateForecaster(request)), "PERMISSION_DENIED");
  request.set_forecaster_id("third");
  EXPECT_EQ(ReasonOf(third->CreateForecaster(request)), "OK");
}

// --- Tags ---

class TagsTest : public AccessTest {
 protected:
  void SetUp() override {
    AccessTest::SetUp();
    Start();
    MakeQuestion("coal", "energy");
    MakeQuestion("vote", "elections");
    MakeForecaster("first");
  }
};

TEST_F(TagsTest, AForecasterOfOneTagForecastsOnItsQuestionsOnly) {
  const auto first = As(MakeToken("forecasters/first", {"forecaster:energy"}));
  EXPECT_EQ(ReasonOf(first->CreateForecast(Forecast("coal", "first"))), "OK");
  EXPECT_EQ(ReasonOf(first->CreateForecast(Forecast("vote", "first"))), "PERMISSION_DENIED");
}

TEST_F(TagsTest, AQuestionThatIsNotThereIsRefusedAsOneOfAnotherTag) {
  const auto reader = As(MakeToken("reader-1", {"reader:energy"}));
  v1::GetQuestionRequest request;
  request.set_name("questions/vote");
  const auto foreign = reader->GetQuestion(request);
  request.set_name("questions/none");
  const auto absent = reader->GetQuestion(request);
  EXPECT_EQ(ReasonOf(foreign), "PERMISSION_DENIED");
  EXPECT_EQ(foreign.status().message(), absent.status().message());
  request.set_name("questions/coal");
  EXPECT_EQ(ReasonOf(reader->GetQuestion(request)), "OK");
}

TEST_F(TagsTest, AReaderOfOneTagReadsListsUnderItOnly) {
  const auto reader = As(MakeToken("reader-1", {"reader:energy"}));
  v1::ListQuestionsRequest request;
  EXPECT_EQ(ReasonOf(reader->ListQuestions(request)), "PERMISSION_DENIED");
  request.set_tag("elections");
  EXPECT_EQ(ReasonOf(reader->ListQuestions(request)), "PERMISSION_DENIED");
  request.set_tag("energy");
  const auto list = reader->ListQuestions(request);
  ASSERT_TRUE(list.ok()) << list.status();
  ASSERT_EQ(list->questions_size(), 1);
  EXPECT_EQ(list->questions(0).name(), "questions/coal");
  EXPECT_EQ(ReasonOf(reader->ListEvents({})), "PERMISSION_DENIED");
  EXPECT_EQ(ReasonOf(reader->GetTile({})), "PERMISSION_DENIED");
  EXPECT_EQ(ReasonOf(reader->GetServerInfo({})), "OK");
}

TEST_F(TagsTest, ANetworkBelongsToATagWhenAllItsQuestionsDo) {
  const auto analyst = As(MakeToken("analyst-1", {"analyst:energy"}));
  v1::GetNetworkRequest request;
  request.set_name("networks/coal");
  EXPECT_EQ(ReasonOf(analyst->GetNetwork(request)), "OK");
  request.set_name("networks/vote");
  EXPECT_EQ(ReasonOf(analyst->GetNetwork(request)), "PERMISSION_DENIED");
}

// By whichever of the two names an item is given.
TEST_F(TagsTest, EvidenceOnASharedNetworkNeedsTheTagOfEachOfItsQuestions) {
  const auto analyst = As(MakeToken("analyst-1", {"analyst:energy"}));
  v1::CreateEvidenceRequest request;
  request.set_parent("questions/coal");
  request.mutable_evidence()->mutable_model()->set_node("q");
  request.mutable_evidence()->mutable_model()->set_summary("a report");
  request.mutable_evidence()->mutable_model()->set_likelihood_ratio(2.0);
  EXPECT_EQ(ReasonOf(analyst->CreateEvidence(request)), "OK");
  v1::CreateQuestionRequest question;
  question.set_question_id("coal-votes");
  question.mutable_question()->set_title("Will it be voted on?");
  question.mutable_question()->set_network("networks/coal");
  question.mutable_question()->set_node("r");
  question.mutable_question()->add_tags("elections");
  const auto asked = As(admin_token)->CreateQuestion(question);
  ASSERT_TRUE(asked.ok()) << asked.status();
  for (const char* parent : {"questions/coal", "networks/coal"}) {
    request.set_parent(parent);
    EXPECT_EQ(ReasonOf(analyst->CreateEvidence(request)), "PERMISSION_DENIED") << parent;
  }
}

TEST_F(TagsTest, AnAnalystOfOneTagAsksQuestionsUnderItOnly) {
  const auto analyst = As(MakeToken("analyst-1", {"analyst:energy"}));
  auto network = Text<v1::CreateNetworkRequest>(kNetwork);
  network.set_network_id("gas");
  EXPECT_EQ(ReasonOf(analyst->CreateNetwork(network)), "OK");
  v1::CreateQuestionRequest question;
  question.set_question_id("gas");
  question.mutable_question()->set_title("Will it happen?");
  question.mutable_question()->set_network("networks/gas");
  question.mutable_question()->set_node("q");
  question.mutable_question()->add_tags("elections");
  EXPECT_EQ(ReasonOf(analyst->CreateQuestion(question)), "PERMISSION_DENIED");
  question.mutable_question()->set_tags(0, "energy");
  EXPECT_EQ(ReasonOf(analyst->CreateQuestion(question)), "OK");
  v1::UpdateQuestionRequest update;
  update.set_name("questions/gas");
  update.mutable_question()->add_tags("elections");
  update.mutable_update_mask()->add_paths("tags");
  EXPECT_EQ(ReasonOf(analyst->UpdateQuestion(update)), "PERMISSION_DENIED");
}

TEST_F(TagsTest, RolesOfSeveralTagsAddUp) {
  const auto both = As(MakeToken("analyst-1", {"analyst:energy", "reader:elections"}));
  v1::GetQuestionRequest request;
  request.set_name("questions/vote");
  EXPECT_EQ(ReasonOf(both->GetQuestion(request)), "OK");
  v1::CloseQuestionRequest close;
  close.set_name("questions/vote");
  EXPECT_EQ(ReasonOf(both->CloseQuestion(close)), "PERMISSION_DENIED");
  close.set_name("questions/coal");
  EXPECT_EQ(ReasonOf(both->CloseQuestion(close)), "OK");
}

// --- HTTP ---

TEST_F(AccessTest, HttpAsksForATokenToo) {
  const std::string token = MakeToken("reader-1", {"reader"});
  Start();
  auto request =
      HttpClient::Request(http::verb::post, "/credence.v1.LedgerService/GetServerInfo", "{}");
  const auto refused = HttpClient(http_server->port()).Send(request);
  EXPECT_EQ(refused.result_int(), 401U);
  EXPECT_EQ(refused[http::field::www_authenticate], "Bearer");
  request.set(http::field::authorization, "Bearer " + token);
  EXPECT_EQ(HttpClient(http_server->port()).Send(request).result_int(), 200U);
}

TEST_F(AccessTest, PathsBesideTheMethodsAskForTheirRoles) {
  const std::string reader = MakeToken("reader-1", {"reader"});
  const std::string auditor = MakeToken("auditor-1", {"auditor"});
  Start();
  const auto get = [&](const char* path, const std::string& token) {
    auto request = HttpClient::Request(http::verb::get, path);
    if (!token.empty()) request.set(http::field::authorization, "Bearer " + token);
    return HttpClient(http_server->port()).Send(request).result_int();
  };
  EXPECT_EQ(get("/healthz", ""), 200U);
  EXPECT_EQ(get("/checkpoint", ""), 401U);
  EXPECT_EQ(get("/checkpoint", reader), 200U);
  EXPECT_EQ(get("/tile/entries/000.p/1", ""), 401U);
  EXPECT_EQ(get("/tile/entries/000.p/1", reader), 200U);
  EXPECT_EQ(get("/text/000", ""), 401U);
  EXPECT_EQ(get("/text/000", reader), 200U);
  EXPECT_EQ(get("/metrics", ""), 401U);
  EXPECT_EQ(get("/metrics", reader), 403U);
  EXPECT_EQ(get("/metrics", auditor), 200U);
}

TEST_F(AccessTest, PublicReadsLetAnybodyReadAndNobodyWrite) {
  Choices choices;
  choices.access.public_reads = true;
  Start(choices);
  EXPECT_EQ(ReasonOf(As("")->ListEvents({})), "OK");
  EXPECT_EQ(ReasonOf(As("")->CreateNetwork(Text<v1::CreateNetworkRequest>(kNetwork))),
            "PERMISSION_DENIED");
  // A bad token is not the same as none.
  EXPECT_EQ(ReasonOf(As("credence_no")->ListEvents({})), "UNAUTHENTICATED");
}

// --- Audit log ---

TEST_F(AccessTest, RefusalsAndWhatAdminsDoAreOnTheAuditLog) {
  const std::string token = MakeToken("reader-1", {"reader"});
  Start();
  EXPECT_EQ(ReasonOf(As(token)->CreateNetwork(Text<v1::CreateNetworkRequest>(kNetwork))),
            "PERMISSION_DENIED");
  EXPECT_EQ(ReasonOf(As("")->GetServerInfo({})), "UNAUTHENTICATED");
  v1::CreateAccessGrantRequest request;
  request.mutable_access_grant()->set_principal("auditor-1");
  request.mutable_access_grant()->add_roles()->set_role(v1::ROLE_AUDITOR);
  const auto made = As(admin_token)->CreateAccessGrant(request);
  ASSERT_TRUE(made.ok()) << made.status();
  const std::string text = AuditText();
  EXPECT_THAT(text, HasSubstr(R"("event":"refused","method":"credence.v1.NetworkService/Create)"));
  EXPECT_THAT(text, HasSubstr(R"("principal":"reader-1")"));
  EXPECT_THAT(text, HasSubstr(R"("reason":"UNAUTHENTICATED")"));
  EXPECT_THAT(text, HasSubstr(R"("peer":"127.0.0.1")"));
  EXPECT_THAT(text, HasSubstr(R"("event":"admin","method":"credence.v1.AccessService/Create)"));
  EXPECT_THAT(text, HasSubstr(made->access_grant().name()));
  EXPECT_THAT(text, Not(HasSubstr(made->token())));
  EXPECT_THAT(text, Not(HasSubstr(admin_token)));
  // A read that was let through leaves no line.
  EXPECT_THAT(text, Not(HasSubstr("ListEvents")));
}

TEST_F(AccessTest, AFloodOfRefusalsIsCountedRatherThanWrittenOut) {
  Start();
  const auto nobody = As("");
  for (int i = 0; i < 150; ++i) EXPECT_EQ(ReasonOf(nobody->GetServerInfo({})), "UNAUTHENTICATED");
  now += absl::Seconds(1);
  EXPECT_EQ(ReasonOf(nobody->GetServerInfo({})), "UNAUTHENTICATED");
  const std::string text = AuditText();
  EXPECT_THAT(text, HasSubstr(R"("event":"refusals_left_out","count":"50")"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 102);
}

// --- Open servers ---

TEST_F(AccessTest, AServerThatAsksNobodyKeepsNoGrants) {
  ledger::OpenOptions open;
  open.directory = data();
  open.clock = &clock;
  Served served(data(), &clock);
  client::ClientOptions options;
  options.endpoint = Cat("127.0.0.1:", served.server->port());
  options.retries = 0;
  client::Client anybody(options);
  EXPECT_EQ(ReasonOf(anybody.CreateAccessGrant({})), "WRONG_STATE");
  const auto caller = anybody.GetCaller({});
  ASSERT_TRUE(caller.ok()) << caller.status();
  EXPECT_FALSE(caller->access_required());
}

TEST_F(AccessTest, AnOpenServerPutsWhatAdminsDoOnTheAuditLogToo) {
  ledger::OpenOptions open;
  open.directory = data();
  open.clock = &clock;
  auto opened = ledger::Log::Open(open);
  ASSERT_TRUE(opened.ok()) << opened.status();
  Engine open_engine(opened->get(), &clock);
  ASSERT_TRUE(open_engine.Start().ok());
  auto audit_opened = AuditLog::Open(path("audit.jsonl"));
  ASSERT_TRUE(audit_opened.ok()) << audit_opened.status();
  Router open_router;
  AddServices(open_router, open_engine, {.backup_directory = path("backups")});
  AuditActs(open_router, audit_opened->get());
  const auto call = [&](const std::string& service, const std::string& method,
                        const google::protobuf::Message& request) {
    absl::Status ended = absl::UnknownError("not answered");
    absl::Notification answered;
    open_router.services().at(service).at(method).unary(
        {}, request.SerializeAsString(), [&](const absl::StatusOr<std::string>& response) {
          ended = response.status();
          answered.Notify();
        });
    answered.WaitForNotification();
    return ended;
  };
  v1::EraseTextsRequest erase;
  erase.set_rationale("a request of 2026-01-31");
  EXPECT_FALSE(call("credence.v1.AdminService", "EraseTexts", erase).ok());
  EXPECT_TRUE(call("credence.v1.LedgerService", "GetServerInfo", v1::GetServerInfoRequest()).ok());
  open_engine.Stop();
  const std::string text = AuditText();
  EXPECT_THAT(text, HasSubstr(R"("event":"admin","method":"credence.v1.AdminService/EraseTexts")"));
  EXPECT_THAT(text, HasSubstr(R"("access":"open")"));
  EXPECT_THAT(text, HasSubstr("a request of 2026-01-31"));
  EXPECT_THAT(text, HasSubstr(R"("error":")"));
  EXPECT_THAT(text, Not(HasSubstr("GetServerInfo")));
}

TEST_F(AccessTest, AServerThatWouldLetNobodyInDoesNotStart) {
  std::filesystem::remove(AccessPath(data()));
  auto audit_opened = AuditLog::Open(path("audit.jsonl"));
  AccessOptions options;
  options.path = AccessPath(data());
  options.origin = kOrigin;
  const auto made = AccessControl::Make(options, audit_opened->get());
  ASSERT_FALSE(made.ok());
  EXPECT_THAT(std::string(made.status().message()), HasSubstr("credence token create"));
}

}  // namespace
}  // namespace credence::server
