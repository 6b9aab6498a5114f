#pragma once

#include <map>
#include <string>
#include <vector>

#include "credence/client/client.h"
#include "fake_server.h"

// A ledger in memory that keeps what `apply` writes and forgets nothing: existing ids are refused,
// a repeated request id gives the first receipt again.
namespace credence::client {

class FakeLedger {
 public:
  FakeLedger();

  [[nodiscard]] std::string endpoint() const { return server_.endpoint(); }

  // "CreateSource wire", "CreateEvidence clouds", ... in the order of recording.
  [[nodiscard]] const std::vector<std::string>& writes() const { return writes_; }
  [[nodiscard]] const v1::WriteOptions& options_of(const std::string& write) const {
    return options_.at(write);
  }

  std::map<std::string, v1::Source> sources;
  std::map<std::string, v1::Forecaster> forecasters;
  std::map<std::string, v1::Network> networks;
  std::map<std::string, v1::Question> questions;
  std::map<std::string, v1::Evidence> evidence;
  std::map<std::string, v1::Forecast> forecasts;
  v1::GradeTable grades;

 private:
  void ServeSources();
  void ServeForecasters();
  void ServeGrades();
  void ServeNetworks();
  void ServeQuestions();
  void ServeResolutions();
  void ServeEvidence();
  void ServeForecasts();

  // Records a write: runs `store` unless the request id was seen, and completes the receipt.
  template <typename Response, typename Request, typename Store>
  FakeReply Write(const Request& request, const std::string& label, Store store);

  std::vector<std::string> writes_;
  std::map<std::string, v1::WriteOptions> options_;
  std::map<std::string, int64_t> positions_by_request_id_;
  // Last, so that no call is under way when the rest goes.
  FakeServer server_;
};

}  // namespace credence::client
