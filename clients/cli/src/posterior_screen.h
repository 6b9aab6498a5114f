#pragma once

#include <string>
#include <vector>

#include "credence/cli/context.h"
#include "credence/v1/forecast_service.pb.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "live_screen.h"

namespace credence::cli {

// The published posteriors of a question as they come, on the whole terminal: the curve, and the
// last ones.
//
// Not thread-safe.
class PosteriorScreen {
 public:
  PosteriorScreen(CliContext& context, std::string question);

  void Add(const v1::PublishedPosterior& posterior);
  // What was published before.
  void Add(const google::protobuf::RepeatedPtrField<v1::PublishedPosterior>& history);

 private:
  [[nodiscard]] std::vector<std::string> Lines(const Window& window);
  [[nodiscard]] std::string Heading() const;

  CliContext& context_;
  const std::string question_;
  google::protobuf::RepeatedPtrField<v1::PublishedPosterior> posteriors_;
  // The last member: it calls what is above.
  LiveScreen screen_;
};

}  // namespace credence::cli
