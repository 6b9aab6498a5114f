#include "import/import_run.h"

#include <algorithm>
#include <boost/uuid/name_generator_sha1.hpp>
#include <boost/uuid/uuid_io.hpp>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "credence/base/check.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "format.h"
#include "import/forecastbench_sets.h"

namespace credence::cli {
namespace {

constexpr int kForecastsPerBatch = 5'000;
constexpr int kQuestionsPerBatch = 500;
constexpr int kForecastersPerBatch = 5'000;
// Well below the 4 MiB that gRPC takes by default.
constexpr size_t kBatchBytesMax = size_t{1} << 20;
constexpr int kPageSize = 1'000;
// Questions carry their texts twice over.
constexpr int kQuestionPageSize = 200;

// The same write has the same id wherever and whenever it is sent from.
template <typename Request>
void SetRequestId(Request& request) {
  const boost::uuids::name_generator_sha1 generate(boost::uuids::ns::oid());
  request.mutable_options()->clear_request_id();
  const std::string body = Cat(Request::descriptor()->full_name(), request.SerializeAsString());
  request.mutable_options()->set_request_id(boost::uuids::to_string(generate(body)));
}

void SetEnd(const PlannedEnd& end, v1::BatchResolutionItem& item) {
  v1::Resolution& resolution = *item.mutable_resolution();
  resolution.set_rationale(end.rationale);
  switch (end.kind) {
    case PlannedEnd::Kind::kState:
      resolution.set_outcome(end.outcome);
      break;
    case PlannedEnd::Kind::kFraction:
      resolution.set_fraction(end.fraction);
      break;
    case PlannedEnd::Kind::kNumber:
      resolution.set_value(end.number);
      break;
    case PlannedEnd::Kind::kVoid:
      resolution.set_unscored(event::v1::UNSCORED_VOID);
      break;
    case PlannedEnd::Kind::kAmbiguous:
      resolution.set_unscored(event::v1::UNSCORED_AMBIGUOUS);
      break;
    case PlannedEnd::Kind::kAnnulled:
      item.set_action(v1::BatchResolutionItem::ACTION_ANNUL);
      break;
  }
}

bool SameEnd(const PlannedEnd& end, const v1::Question& question) {
  const v1::Resolution& resolution = question.resolution();
  switch (end.kind) {
    case PlannedEnd::Kind::kState:
      return resolution.outcome() == end.outcome;
    case PlannedEnd::Kind::kFraction:
      return resolution.has_fraction() && !(resolution.fraction() < end.fraction) &&
             !(end.fraction < resolution.fraction());
    case PlannedEnd::Kind::kNumber:
      return resolution.has_value() && !(resolution.value() < end.number) &&
             !(end.number < resolution.value());
    case PlannedEnd::Kind::kVoid:
      return resolution.unscored() == event::v1::UNSCORED_VOID;
    case PlannedEnd::Kind::kAmbiguous:
      return resolution.unscored() == event::v1::UNSCORED_AMBIGUOUS;
    case PlannedEnd::Kind::kAnnulled:
      return question.state() == v1::Question::STATE_ANNULLED;
  }
  return false;
}

bool HasEnded(const v1::Question& question) {
  return question.state() == v1::Question::STATE_RESOLVED ||
         question.state() == v1::Question::STATE_ANNULLED;
}

class Importer {
 public:
  Importer(client::Client& client, const Plan& plan,
           const std::function<void(int64_t, int64_t)>& progress)
      : client_(client), plan_(plan), progress_(progress) {}

  absl::StatusOr<ImportReport> Run() {
    CREDENCE_RETURN_IF_ERROR(AddForecasters());
    CREDENCE_RETURN_IF_ERROR(AddQuestions());
    CREDENCE_RETURN_IF_ERROR(FindPresentRows());
    CREDENCE_RETURN_IF_ERROR(SendRows());
    return report_;
  }

 private:
  absl::Status AddForecasters() {
    absl::flat_hash_set<std::string> known;
    v1::ListForecastersRequest list;
    list.mutable_page()->set_page_size(kPageSize);
    do {
      CREDENCE_ASSIGN_OR_RETURN(const auto page, client_.ListForecasters(list));
      for (const v1::Forecaster& forecaster : page.forecasters()) known.insert(forecaster.name());
      list.mutable_page()->set_page_token(page.next_page_token());
    } while (!list.page().page_token().empty());
    v1::BatchCreateForecastersRequest request;
    for (const PlannedForecaster& forecaster : plan_.forecasters()) {
      if (known.contains(absl::StrCat("forecasters/", forecaster.id))) continue;
      v1::BatchForecasterItem& item = *request.add_items();
      item.set_forecaster_id(forecaster.id);
      item.mutable_forecaster()->set_display_name(forecaster.display_name);
      ++report_.forecaster_count;
      if (request.items_size() == kForecastersPerBatch) {
        CREDENCE_RETURN_IF_ERROR(Send<v1::BatchCreateForecastersResponse>(request));
      }
    }
    return Send<v1::BatchCreateForecastersResponse>(request);
  }

  absl::Status FindPresentQuestions() {
    absl::flat_hash_map<std::string, bool> ended;
    v1::ListQuestionsRequest list;
    list.mutable_page()->set_page_size(kQuestionPageSize);
    do {
      CREDENCE_ASSIGN_OR_RETURN(const auto page, client_.ListQuestions(list));
      for (const v1::Question& question : page.questions()) {
        ended[question.name()] = HasEnded(question);
      }
      list.mutable_page()->set_page_token(page.next_page_token());
    } while (!list.page().page_token().empty());
    present_.assign(plan_.questions().size(), false);
    ended_.assign(plan_.questions().size(), false);
    for (size_t i = 0; i < present_.size(); ++i) {
      const auto found = ended.find(NameOf(i));
      if (found == ended.end()) continue;
      present_[i] = true;
      ended_[i] = found->second;
      ++report_.present_question_count;
    }
    return absl::OkStatus();
  }

  absl::Status AddQuestions() {
    CREDENCE_RETURN_IF_ERROR(FindPresentQuestions());
    std::vector<size_t> order;
    for (size_t i = 0; i < plan_.questions().size(); ++i) {
      if (!present_[i]) order.push_back(i);
    }
    std::stable_sort(order.begin(), order.end(), [this](size_t a, size_t b) {
      return plan_.questions()[a].effective_time < plan_.questions()[b].effective_time;
    });
    v1::BatchCreateQuestionsRequest request;
    size_t bytes = 0;
    for (const size_t index : order) {
      FillQuestion(plan_.questions()[index], *request.add_items());
      bytes += request.items(request.items_size() - 1).ByteSizeLong();
      ++report_.question_count;
      if (request.items_size() == kQuestionsPerBatch || bytes > kBatchBytesMax) {
        CREDENCE_RETURN_IF_ERROR(Send<v1::BatchCreateQuestionsResponse>(request));
        bytes = 0;
      }
    }
    return Send<v1::BatchCreateQuestionsResponse>(request);
  }

  static void FillQuestion(const PlannedQuestion& planned, v1::BatchQuestionItem& item) {
    item.set_question_id(planned.id);
    // One that opens later is put now.
    if (planned.effective_time <= absl::Now()) {
      *item.mutable_effective_time() = ToProto(planned.effective_time);
    }
    v1::Question& question = *item.mutable_question();
    question.set_title(planned.title);
    question.set_resolution_criteria(planned.resolution_criteria);
    *question.mutable_open_time() = ToProto(*planned.open_time);
    *question.mutable_close_time() = ToProto(*planned.close_time);
    question.mutable_tags()->Add(planned.tags.begin(), planned.tags.end());
    question.mutable_states()->Add(planned.states.begin(), planned.states.end());
    question.set_without_model(true);
    question.set_ordered(planned.ordered);
    if (planned.numeric) question.mutable_numeric()->set_unit(planned.unit);
    for (const auto& [key, value] : planned.attributes) {
      event::v1::Attribute& attribute = *question.add_attributes();
      attribute.set_key(key);
      attribute.set_value(value);
    }
  }

  // --- What the ledger has ---

  [[nodiscard]] std::string NameOf(size_t question) const {
    return absl::StrCat("questions/", plan_.questions()[question].id);
  }

  // What makes two forecasts the same. Two sets of ForecastBench may state the same price of one
  // market, and each is kept, as what tells that the set holds the market.
  static std::string Key(const std::string& forecaster, absl::Time time, bool withdrawn,
                         const std::vector<double>& probabilities,
                         const event::v1::NumericDistribution* distribution,
                         const std::string& question_set) {
    std::string key = absl::StrCat(forecaster, " ", absl::ToUnixNanos(time), withdrawn ? " w" : "",
                                   " ", question_set);
    for (const double probability : probabilities) absl::StrAppend(&key, " ", Exact(probability));
    if (distribution != nullptr) distribution->AppendToString(&key);
    return key;
  }

  std::string KeyOf(const PlannedRow& row) const {
    std::vector<double> probabilities = row.probabilities;
    if (row.kind == PlannedRow::Kind::kWithdrawal) probabilities.clear();
    if (probabilities.size() == 1) probabilities.push_back(1.0 - probabilities[0]);
    std::string question_set;
    if (row.attributes.has_value()) {
      for (const auto& [key, value] : plan_.attributes(*row.attributes)) {
        if (key == kQuestionSet) question_set = value;
      }
    }
    return Key(absl::StrCat("forecasters/", plan_.forecasters()[row.forecaster].id), row.time,
               row.kind == PlannedRow::Kind::kWithdrawal, probabilities,
               row.distribution.has_value() ? &plan_.distribution(*row.distribution) : nullptr,
               question_set);
  }

  absl::StatusOr<absl::flat_hash_map<std::string, int64_t>> RecordedKeys(size_t question) {
    absl::flat_hash_map<std::string, int64_t> keys;
    v1::ListForecastsRequest list;
    list.set_parent(NameOf(question));
    list.mutable_page()->set_page_size(kPageSize);
    do {
      CREDENCE_ASSIGN_OR_RETURN(const auto page, client_.ListForecasts(list));
      for (const v1::Forecast& forecast : page.forecasts()) {
        std::vector<double> probabilities;
        for (const v1::StateProbability& state : forecast.probabilities()) {
          probabilities.push_back(state.probability());
        }
        std::string question_set;
        for (const event::v1::Attribute& attribute : forecast.attributes()) {
          if (attribute.key() == kQuestionSet) question_set = attribute.value();
        }
        ++keys[Key(forecast.forecaster(), ToTime(forecast.effective_time()), forecast.withdrawn(),
                   probabilities, forecast.has_distribution() ? &forecast.distribution() : nullptr,
                   question_set)];
      }
      list.mutable_page()->set_page_token(page.next_page_token());
    } while (!list.page().page_token().empty());
    return keys;
  }

  absl::StatusOr<bool> HasEnd(const PlannedRow& row) {
    v1::GetQuestionRequest request;
    request.set_name(NameOf(row.question));
    *request.mutable_effective_time() = ToProto(row.time);
    CREDENCE_ASSIGN_OR_RETURN(const auto response, client_.GetQuestion(request));
    return HasEnded(response.question()) && SameEnd(plan_.end(*row.end), response.question());
  }

  absl::Status FindPresentRows() {
    dropped_.assign(plan_.rows().size(), false);
    std::vector<std::vector<size_t>> by_question(plan_.questions().size());
    for (size_t i = 0; i < plan_.rows().size(); ++i) {
      if (present_[plan_.rows()[i].question]) by_question[plan_.rows()[i].question].push_back(i);
    }
    for (size_t question = 0; question < by_question.size(); ++question) {
      if (by_question[question].empty()) continue;
      CREDENCE_ASSIGN_OR_RETURN(auto keys, RecordedKeys(question));
      for (const size_t index : by_question[question]) {
        CREDENCE_RETURN_IF_ERROR(DropIfPresent(index, keys));
      }
    }
    return absl::OkStatus();
  }

  absl::Status DropIfPresent(size_t index, absl::flat_hash_map<std::string, int64_t>& keys) {
    const PlannedRow& row = plan_.rows()[index];
    bool has = false;
    if (row.kind == PlannedRow::Kind::kEnd) {
      if (ended_[row.question]) {
        CREDENCE_ASSIGN_OR_RETURN(has, HasEnd(row));
      }
    } else if (const auto found = keys.find(KeyOf(row)); found != keys.end() && found->second > 0) {
      --found->second;
      has = true;
    }
    if (has) {
      ++report_.present_row_count;
    } else if (ended_[row.question] && row.kind != PlannedRow::Kind::kEnd) {
      ++report_.ended_row_count;
      has = true;
    }
    dropped_[index] = has;
    return absl::OkStatus();
  }

  // --- Sending ---

  // Forecasts wait until a batch is full; what ends a question waits for the forecasts before it.
  absl::Status SendRows() {
    const int64_t total = static_cast<int64_t>(plan_.rows().size());
    for (size_t i = 0; i < plan_.rows().size(); ++i) {
      if (dropped_[i]) continue;
      Add(plan_.rows()[i]);
      if (forecasts_.items_size() < kForecastsPerBatch && ends_.items_size() < kQuestionsPerBatch &&
          bytes_ < kBatchBytesMax) {
        continue;
      }
      CREDENCE_RETURN_IF_ERROR(Flush());
      progress_(static_cast<int64_t>(i) + 1, total);
    }
    CREDENCE_RETURN_IF_ERROR(Flush());
    progress_(total, total);
    return absl::OkStatus();
  }

  void Add(const PlannedRow& row) {
    if (row.kind == PlannedRow::Kind::kEnd) return AddEnd(row);
    v1::BatchForecastItem& item = *forecasts_.add_items();
    item.set_parent(NameOf(row.question));
    *item.mutable_effective_time() = ToProto(row.time);
    v1::Forecast& forecast = *item.mutable_forecast();
    forecast.set_forecaster(absl::StrCat("forecasters/", plan_.forecasters()[row.forecaster].id));
    if (row.attributes.has_value()) {
      for (const auto& [key, value] : plan_.attributes(*row.attributes)) {
        event::v1::Attribute& attribute = *forecast.add_attributes();
        attribute.set_key(key);
        attribute.set_value(value);
      }
    }
    if (row.kind == PlannedRow::Kind::kWithdrawal) {
      item.set_withdraw(true);
      ++report_.withdrawal_count;
    } else {
      AddProbabilities(row, forecast);
      ++report_.forecast_count;
    }
    bytes_ += item.ByteSizeLong();
  }

  void AddProbabilities(const PlannedRow& row, v1::Forecast& forecast) const {
    if (row.distribution.has_value()) {
      *forecast.mutable_distribution() = plan_.distribution(*row.distribution);
      return;
    }
    if (row.probabilities.size() == 1) return forecast.set_probability(row.probabilities[0]);
    const std::vector<std::string>& states = plan_.questions()[row.question].states;
    for (size_t i = 0; i < row.probabilities.size(); ++i) {
      v1::StateProbability& state = *forecast.add_probabilities();
      state.set_state(states.empty() ? (i == 0 ? "yes" : "no") : states[i]);
      state.set_probability(row.probabilities[i]);
    }
  }

  void AddEnd(const PlannedRow& row) {
    v1::BatchResolutionItem& item = *ends_.add_items();
    item.set_name(NameOf(row.question));
    *item.mutable_effective_time() = ToProto(row.time);
    const bool amends = row.amends || ended_[row.question];
    item.set_action(amends ? v1::BatchResolutionItem::ACTION_AMEND
                           : v1::BatchResolutionItem::ACTION_RESOLVE);
    SetEnd(plan_.end(*row.end), item);
    ++(amends ? report_.correction_count : report_.resolution_count);
    bytes_ += item.ByteSizeLong();
  }

  absl::Status Flush() {
    CREDENCE_RETURN_IF_ERROR(Send<v1::BatchCreateForecastsResponse>(forecasts_));
    CREDENCE_RETURN_IF_ERROR(Send<v1::BatchResolveQuestionsResponse>(ends_));
    bytes_ = 0;
    return absl::OkStatus();
  }

  // Sends a batch and empties it; nothing where it is empty already.
  template <typename Response, typename Request>
  absl::Status Send(Request& request) {
    if (request.items().empty()) return absl::OkStatus();
    SetRequestId(request);
    const absl::Status sent = client_.Call<Response>(request).status();
    request.Clear();
    return sent;
  }

  client::Client& client_;
  const Plan& plan_;
  const std::function<void(int64_t, int64_t)>& progress_;
  ImportReport report_;
  // By question of the plan: whether the ledger has it, and whether it has ended there.
  std::vector<bool> present_;
  std::vector<bool> ended_;
  // By row: left out.
  std::vector<bool> dropped_;
  v1::BatchCreateForecastsRequest forecasts_;
  v1::BatchResolveQuestionsRequest ends_;
  size_t bytes_ = 0;
};

}  // namespace

absl::StatusOr<ImportReport> RunImport(client::Client& client, const Plan& plan,
                                       const std::function<void(int64_t, int64_t)>& progress) {
  return Importer(client, plan, progress).Run();
}

}  // namespace credence::cli
