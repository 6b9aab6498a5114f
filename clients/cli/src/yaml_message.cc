#include "yaml_message.h"

#include <yaml-cpp/yaml.h>

#include <cmath>
#include <istream>
#include <iterator>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/cli/read_file.h"
#include "credence/cli/suggestion.h"
#include "credence/cli/time.h"
#include "credence/cli/yaml_documents.h"
#include "credence/event/v1/evidence_model.pb.h"
#include "format.h"

namespace credence::cli {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Fills messages from the nodes of one document.
class Reader {
 public:
  explicit Reader(const YamlDocument& document) : document_(document) {}

  absl::Status Read(const YAML::Node& node, const std::string& path, Message* message) {
    if (!node.IsMap()) return Error(node, path, "must be a mapping of fields");
    std::set<const FieldDescriptor*> seen;
    for (const auto& entry : node) {
      const std::string& key = entry.first.Scalar();
      const std::string field_path = path.empty() ? key : absl::StrCat(path, ".", key);
      const FieldDescriptor* field = FindField(*message->GetDescriptor(), key);
      if (field == nullptr) {
        return Error(entry.first, field_path,
                     absl::StrCat("is no field of ", message->GetDescriptor()->name(),
                                  DidYouMean(key, FieldNames(*message->GetDescriptor()))));
      }
      if (!seen.insert(field).second) return Error(entry.first, field_path, "is given twice");
      if (const FieldDescriptor* other = OtherOfOneof(seen, field)) {
        return Error(
            entry.first, field_path,
            absl::StrCat("is given beside ", other->json_name(), ": only one of them can"));
      }
      CREDENCE_RETURN_IF_ERROR(ReadField(entry.second, field_path, field, message));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Error(const YAML::Node& node, const std::string& path, const std::string& text) {
    return ErrorAt(document_.PlaceOf(node), path, text);
  }

  static const FieldDescriptor* FindField(const Descriptor& type, const std::string& key) {
    for (int index = 0; index < type.field_count(); ++index) {
      const FieldDescriptor* field = type.field(index);
      if (field->json_name() == key || field->name() == key) return field;
    }
    return nullptr;
  }

  static std::vector<std::string> FieldNames(const Descriptor& type) {
    std::vector<std::string> names;
    for (int index = 0; index < type.field_count(); ++index) {
      names.push_back(type.field(index)->json_name());
    }
    return names;
  }

  static const FieldDescriptor* OtherOfOneof(const std::set<const FieldDescriptor*>& seen,
                                             const FieldDescriptor* field) {
    const auto* oneof = field->real_containing_oneof();
    if (oneof == nullptr) return nullptr;
    for (const FieldDescriptor* other : seen) {
      if (other != field && other->real_containing_oneof() == oneof) return other;
    }
    return nullptr;
  }

  absl::Status ReadField(const YAML::Node& node, const std::string& path,
                         const FieldDescriptor* field, Message* message) {
    if (node.IsNull()) return absl::OkStatus();
    if (!field->is_repeated()) return ReadValue(node, path, field, message);
    if (field->is_map()) return Error(node, path, "maps are not read from files");
    if (!node.IsSequence()) return Error(node, path, "must be a list");
    for (size_t index = 0; index < node.size(); ++index) {
      CREDENCE_RETURN_IF_ERROR(
          ReadValue(node[index], absl::StrCat(path, "[", index, "]"), field, message));
    }
    return absl::OkStatus();
  }

  absl::Status ReadValue(const YAML::Node& node, const std::string& path,
                         const FieldDescriptor* field, Message* message) {
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      return ReadPart(node, path, field, message);
    }
    if (!node.IsScalar()) return Error(node, path, "must be a single value");
    return ReadScalar(node, path, field, message);
  }

  absl::Status ReadPart(const YAML::Node& node, const std::string& path,
                        const FieldDescriptor* field, Message* message) {
    const auto* reflection = message->GetReflection();
    Message* part = field->is_repeated() ? reflection->AddMessage(message, field)
                                         : reflection->MutableMessage(message, field);
    const Descriptor* type = field->message_type();
    if (type == google::protobuf::Timestamp::descriptor()) {
      if (!node.IsScalar()) return Error(node, path, "must be a time");
      const absl::StatusOr<absl::Time> time = ParseFixedTime(node.Scalar(), TimeOfDay(field));
      if (!time.ok()) return Error(node, path, std::string(time.status().message()));
      part->CopyFrom(ToProto(*time));
      return absl::OkStatus();
    }
    if (type == google::protobuf::Duration::descriptor()) {
      if (!node.IsScalar()) return Error(node, path, "must be a duration");
      const absl::StatusOr<absl::Duration> duration = ParseDuration(node.Scalar());
      if (!duration.ok()) return Error(node, path, std::string(duration.status().message()));
      part->CopyFrom(ToProto(*duration));
      return absl::OkStatus();
    }
    return Read(node, path, part);
  }

  // A report without a time of day is put at noon, when half of its day's reports are in.
  static absl::Duration TimeOfDay(const FieldDescriptor* field) {
    const bool of_evidence = field->containing_type() == event::v1::EvidenceModel::descriptor();
    return of_evidence ? absl::Hours(12) : absl::ZeroDuration();
  }

  absl::Status ReadScalar(const YAML::Node& node, const std::string& path,
                          const FieldDescriptor* field, Message* message) {
    const std::string& text = node.Scalar();
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING:
        Put<&google::protobuf::Reflection::SetString, &google::protobuf::Reflection::AddString>(
            message, field, text);
        return absl::OkStatus();
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return ReadDouble(node, path, field, message);
      case FieldDescriptor::CPPTYPE_INT64: {
        int64_t number = 0;
        if (!absl::SimpleAtoi(text, &number)) return NotA(node, path, "whole number");
        Put<&google::protobuf::Reflection::SetInt64, &google::protobuf::Reflection::AddInt64>(
            message, field, number);
        return absl::OkStatus();
      }
      case FieldDescriptor::CPPTYPE_INT32: {
        int32_t number = 0;
        if (!absl::SimpleAtoi(text, &number)) return NotA(node, path, "whole number");
        Put<&google::protobuf::Reflection::SetInt32, &google::protobuf::Reflection::AddInt32>(
            message, field, number);
        return absl::OkStatus();
      }
      case FieldDescriptor::CPPTYPE_BOOL:
        if (text != "true" && text != "false") return NotA(node, path, "true or false");
        Put<&google::protobuf::Reflection::SetBool, &google::protobuf::Reflection::AddBool>(
            message, field, text == "true");
        return absl::OkStatus();
      case FieldDescriptor::CPPTYPE_ENUM:
        return ReadEnum(node, path, field, message);
      default:
        return Error(node, path, "is a field of a kind that files cannot give");
    }
  }

  absl::Status ReadDouble(const YAML::Node& node, const std::string& path,
                          const FieldDescriptor* field, Message* message) {
    double number = 0;
    if (!absl::SimpleAtod(node.Scalar(), &number) || !std::isfinite(number)) {
      return NotA(node, path, "finite number");
    }
    Put<&google::protobuf::Reflection::SetDouble, &google::protobuf::Reflection::AddDouble>(
        message, field, number);
    return absl::OkStatus();
  }

  absl::Status ReadEnum(const YAML::Node& node, const std::string& path,
                        const FieldDescriptor* field, Message* message) {
    const std::string& text = node.Scalar();
    const auto* value = field->enum_type()->FindValueByName(text);
    int32_t number = 0;
    if (value == nullptr && absl::SimpleAtoi(text, &number)) {
      value = field->enum_type()->FindValueByNumber(number);
    }
    if (value == nullptr) {
      std::vector<std::string> names;
      for (int index = 0; index < field->enum_type()->value_count(); ++index) {
        names.push_back(field->enum_type()->value(index)->name());
      }
      return Error(
          node, path,
          absl::StrCat("'", text, "' is no ", field->enum_type()->name(), DidYouMean(text, names)));
    }
    Put<&google::protobuf::Reflection::SetEnum, &google::protobuf::Reflection::AddEnum>(
        message, field, value);
    return absl::OkStatus();
  }

  absl::Status NotA(const YAML::Node& node, const std::string& path, const std::string& kind) {
    return Error(node, path, absl::StrCat("'", node.Scalar(), "' is not a ", kind));
  }

  template <auto kSet, auto kAdd, typename Value>
  static void Put(Message* message, const FieldDescriptor* field, const Value& value) {
    const auto* reflection = message->GetReflection();
    if (field->is_repeated()) {
      (reflection->*kAdd)(message, field, value);
    } else {
      (reflection->*kSet)(message, field, value);
    }
  }

  const YamlDocument& document_;
};

}  // namespace

absl::Status ErrorAt(const Place& place, const std::string& field, const std::string& text) {
  ErrorDetail detail;
  detail.reason = "FIELD_INVALID";
  const std::string where = absl::StrCat(place.file, ": document ", place.document,
                                         place.line > 0 ? absl::StrCat(", line ", place.line) : "",
                                         field.empty() ? "" : ": ");
  return MakeError(absl::StatusCode::kInvalidArgument, absl::StrCat(where, field, ": ", text),
                   detail);
}

YamlDocument::YamlDocument(std::string file, int number, const YAML::Node& node)
    : file_(std::move(file)), number_(number), node_(std::make_unique<YAML::Node>(node)) {}
YamlDocument::~YamlDocument() = default;
YamlDocument::YamlDocument(YamlDocument&&) noexcept = default;

Place YamlDocument::PlaceOf(const YAML::Node& node) const {
  const YAML::Mark mark = node.Mark();
  return {file_, number_, mark.is_null() ? 0 : mark.line + 1};
}

absl::StatusOr<std::vector<YamlDocument>> ParseYaml(const std::string& file,
                                                    const std::string& text) {
  std::vector<YamlDocument> documents;
  try {
    int number = 0;
    for (const YAML::Node& node : LoadYaml(text)) {
      ++number;
      if (!node.IsNull()) documents.emplace_back(file, number, node);
    }
  } catch (const YAML::Exception& error) {
    ErrorDetail detail;
    detail.reason = "FIELD_INVALID";
    const std::string line =
        error.mark.is_null() ? "" : absl::StrCat("line ", error.mark.line + 1, ": ");
    return MakeError(absl::StatusCode::kInvalidArgument, absl::StrCat(file, ": ", line, error.msg),
                     detail);
  }
  return documents;
}

absl::Status YamlToMessage(const YamlDocument& document, const YAML::Node& node,
                           const std::string& path, Message* message) {
  try {
    return Reader(document).Read(node, path, message);
  } catch (const YAML::Exception& error) {
    return ErrorAt(document.PlaceOf(node), path, error.msg);
  }
}

absl::Status ReadMessage(const std::string& path, std::istream& in, Message* message) {
  CREDENCE_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, in));
  CREDENCE_ASSIGN_OR_RETURN(const std::vector<YamlDocument> documents, ParseYaml(path, text));
  if (documents.size() != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": must hold one document, not ", documents.size()));
  }
  return YamlToMessage(documents.front(), documents.front().node(), "", message);
}

}  // namespace credence::cli
