#include "main/network_document.h"
#include "credence/cli/read_file.h"

#include <yaml-cpp/yaml.h>

#include <set>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/time/time.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/cli/exit_code.h"
#include "credence/cli/time.h"
#include "credence/cli/yaml_documents.h"
#include "google/protobuf/timestamp.pb.h"
#include "google/protobuf/util/json_util.h"
#include "main/text.h"

namespace credence::server {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

// Turns YAML into protobuf JSON under a message's descriptor, whose depth bounds the recursion.
// Every scalar becomes a JSON string, which protobuf reads by the type of its field: so a state
// named `yes` or `1` stays a text, and a number is read once.
class JsonWriter {
 public:
  explicit JsonWriter(std::string file) : file_(std::move(file)) {}

  absl::Status Error(const YAML::Node& node, const std::string& path, std::string_view text) const {
    const YAML::Mark mark = node.Mark();
    ErrorDetail detail;
    detail.reason = "FIELD_INVALID";
    return MakeError(absl::StatusCode::kInvalidArgument,
                     Cat(file_, mark.is_null() ? "" : Cat(":", mark.line + 1), ": ", path,
                         path.empty() ? "" : ": ", text),
                     detail);
  }

  absl::Status WriteMessage(const YAML::Node& node, const Descriptor& type,
                            const std::string& path) {
    if (!node.IsMap()) return Error(node, path, "must be a mapping");
    std::set<const FieldDescriptor*> seen;
    json_ += '{';
    for (const auto& entry : node) {
      const std::string& key = entry.first.Scalar();
      const std::string field_path = path.empty() ? key : Cat(path, ".", key);
      const FieldDescriptor* field = type.FindFieldByCamelcaseName(key);
      if (field == nullptr) field = type.FindFieldByName(key);
      if (field == nullptr) return Error(entry.first, field_path, "is not known here");
      if (seen.count(field) > 0) return Error(entry.first, field_path, "is given twice");
      if (entry.second.IsNull()) continue;
      if (!seen.empty()) json_ += ',';
      seen.insert(field);
      json_ += Cat(JsonText(field->json_name()), ":");
      CREDENCE_RETURN_IF_ERROR(WriteField(entry.second, *field, field_path));
    }
    json_ += '}';
    return absl::OkStatus();
  }

  [[nodiscard]] const std::string& json() const { return json_; }

 private:
  absl::Status WriteField(const YAML::Node& node, const FieldDescriptor& field,
                          const std::string& path) {
    if (!field.is_repeated()) return WriteValue(node, field, path);
    if (!node.IsSequence()) return Error(node, path, "must be a list");
    json_ += '[';
    for (size_t index = 0; index < node.size(); ++index) {
      if (index > 0) json_ += ',';
      CREDENCE_RETURN_IF_ERROR(WriteValue(node[index], field, Cat(path, "[", index, "]")));
    }
    json_ += ']';
    return absl::OkStatus();
  }

  absl::Status WriteValue(const YAML::Node& node, const FieldDescriptor& field,
                          const std::string& path) {
    const Descriptor* type = field.message_type();
    const bool time = type == google::protobuf::Timestamp::descriptor();
    if (type != nullptr && !time) return WriteMessage(node, *type, path);
    if (!node.IsScalar()) return Error(node, path, "must be one value");
    if (!IsUtf8(node.Scalar())) return Error(node, path, "must be UTF-8");
    if (!time) {
      json_ += JsonText(node.Scalar());
      return absl::OkStatus();
    }
    const absl::StatusOr<absl::Time> instant =
        cli::ParseFixedTime(node.Scalar(), absl::ZeroDuration());
    if (!instant.ok()) return Error(node, path, FromAbsl(instant.status().message()));
    json_ += JsonText(absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", *instant, absl::UTCTimeZone()));
    return absl::OkStatus();
  }

  std::string file_;
  std::string json_;
};

absl::Status ReadSpec(const std::string& path, const YAML::Node& spec, const std::string& prefix,
                      v1::Network* network) {
  JsonWriter writer(path);
  CREDENCE_RETURN_IF_ERROR(writer.WriteMessage(spec, *v1::Network::descriptor(), prefix));
  const auto read = google::protobuf::util::JsonStringToMessage(writer.json(), network);
  if (read.ok()) return absl::OkStatus();
  return writer.Error(spec, prefix, std::string(read.message()));
}

absl::StatusOr<NetworkDocument> ReadDeclared(const std::string& path, const YAML::Node& node) {
  const JsonWriter place(path);
  NetworkDocument document;
  for (const auto& entry : node) {
    const std::string& key = entry.first.Scalar();
    if (key == "id") {
      if (!entry.second.IsScalar()) return place.Error(entry.second, "id", "must be a text");
      document.id = entry.second.Scalar();
    } else if (key != "kind" && key != "actor" && key != "effectiveTime" && key != "backfill" &&
               key != "spec") {
      return place.Error(entry.first, key, "is not known here");
    }
  }
  if (!node["spec"]) return place.Error(node, "spec", "is required");
  CREDENCE_RETURN_IF_ERROR(ReadSpec(path, node["spec"], "spec", &document.network));
  return document;
}

absl::StatusOr<NetworkDocument> ReadDocuments(const std::string& path,
                                              const std::vector<YAML::Node>& nodes) {
  const JsonWriter place(path);
  std::vector<YAML::Node> declared;
  for (const YAML::Node& node : nodes) {
    if (node.IsMap() && node["kind"] && node["kind"].IsScalar()) {
      if (node["kind"].Scalar() == "Network") declared.push_back(node);
    } else if (nodes.size() == 1) {
      NetworkDocument document;
      CREDENCE_RETURN_IF_ERROR(ReadSpec(path, node, "", &document.network));
      return document;
    }
  }
  if (declared.size() == 1) return ReadDeclared(path, declared.front());
  if (declared.empty()) {
    return absl::InvalidArgumentError(Cat(path, ": has no document of kind Network"));
  }
  return place.Error(declared[1], "kind",
                     Cat("the file has ", declared.size(),
                         " documents of kind Network; one is"
                         " read"));
}

absl::Status CheckEnding(const std::string& path) {
  if (path == "-") return absl::OkStatus();
  const std::string lower = absl::AsciiStrToLower(path);
  for (const char* ending : {".yaml", ".yml", ".json"}) {
    if (absl::EndsWith(lower, ending)) return absl::OkStatus();
  }
  return cli::UsageError(
      Cat(path, ": networks are read from files that end in .yaml, .yml or .json"));
}

}  // namespace

absl::StatusOr<NetworkDocument> ReadNetworkDocument(const std::string& path, std::istream& in) {
  CREDENCE_RETURN_IF_ERROR(CheckEnding(path));
  CREDENCE_ASSIGN_OR_RETURN(const std::string text, cli::ReadFile(path, in));
  try {
    std::vector<YAML::Node> nodes;
    for (const YAML::Node& node : cli::LoadYaml(text)) {
      if (!node.IsNull()) nodes.push_back(node);
    }
    return ReadDocuments(path, nodes);
  } catch (const YAML::Exception& error) {
    ErrorDetail detail;
    detail.reason = "FIELD_INVALID";
    return MakeError(
        absl::StatusCode::kInvalidArgument,
        Cat(path, error.mark.is_null() ? "" : Cat(":", error.mark.line + 1), ": ", error.msg),
        detail);
  }
}

}  // namespace credence::server
