#include "baseline.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.pb.h"

namespace credence::proto_lint {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;

std::string TypeText(const FieldDescriptor& field) {
  if (field.is_map()) {
    const Descriptor& entry = *field.message_type();
    return absl::StrCat("map of ", TypeText(*entry.FindFieldByNumber(1)), " to ",
                        TypeText(*entry.FindFieldByNumber(2)));
  }
  std::string text = field.is_repeated() ? "repeated " : "";
  if (field.has_optional_keyword()) text = "optional ";
  if (const auto* message = field.message_type()) {
    text += message->full_name();
  } else if (const auto* values = field.enum_type()) {
    text += values->full_name();
  } else {
    text += field.type_name();
  }
  if (const auto* choice = field.real_containing_oneof()) {
    absl::StrAppend(&text, " in ", choice->name());
  }
  return text;
}

void AddEnum(const EnumDescriptor& values, std::set<std::string>& lines) {
  for (int i = 0; i < values.value_count(); ++i) {
    lines.insert(absl::StrCat(values.full_name(), ".", values.value(i)->name(), " = ",
                              values.value(i)->number()));
  }
  for (int i = 0; i < values.reserved_range_count(); ++i) {
    lines.insert(absl::StrCat(values.full_name(), " reserves ", values.reserved_range(i)->start,
                              " to ", values.reserved_range(i)->end));
  }
}

void AddMessage(const Descriptor& message, std::set<std::string>& lines) {
  // What a map is made of is said by the field.
  if (message.options().map_entry()) return;
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor& field = *message.field(i);
    lines.insert(absl::StrCat(field.full_name(), " = ", field.number(), ": ", TypeText(field)));
  }
  for (int i = 0; i < message.reserved_range_count(); ++i) {
    lines.insert(absl::StrCat(message.full_name(), " reserves ", message.reserved_range(i)->start,
                              " to ", message.reserved_range(i)->end - 1));
  }
  for (int i = 0; i < message.reserved_name_count(); ++i) {
    lines.insert(absl::StrCat(message.full_name(), " reserves ", message.reserved_name(i)));
  }
  for (int i = 0; i < message.nested_type_count(); ++i) AddMessage(*message.nested_type(i), lines);
  for (int i = 0; i < message.enum_type_count(); ++i) AddEnum(*message.enum_type(i), lines);
}

void AddService(const ServiceDescriptor& service, std::set<std::string>& lines) {
  for (int i = 0; i < service.method_count(); ++i) {
    const MethodDescriptor& method = *service.method(i);
    lines.insert(absl::StrCat(method.full_name(), "(", method.input_type()->full_name(),
                              "): ", method.server_streaming() ? "stream " : "",
                              method.output_type()->full_name()));
  }
}

}  // namespace

std::set<std::string> Declarations(const FileDescriptor& file) {
  std::set<std::string> lines;
  for (int i = 0; i < file.message_type_count(); ++i) AddMessage(*file.message_type(i), lines);
  for (int i = 0; i < file.enum_type_count(); ++i) AddEnum(*file.enum_type(i), lines);
  for (int i = 0; i < file.service_count(); ++i) AddService(*file.service(i), lines);
  return lines;
}

std::vector<std::string> Breaches(const std::set<std::string>& baseline,
                                  const std::set<std::string>& now) {
  std::vector<std::string> missing;
  std::set_difference(baseline.begin(), baseline.end(), now.begin(), now.end(),
                      std::back_inserter(missing));
  return missing;
}

}  // namespace credence::proto_lint
