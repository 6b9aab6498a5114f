#pragma once

#include <string>
#include <vector>

namespace YAML {
class Node;
}  // namespace YAML

namespace credence::cli {

// The documents of a YAML text, as YAML::LoadAll gives them; but that never ends for some texts,
// such as ",5 }}", of which it makes one empty document after another. Throws a YAML::Exception
// with the place of the mistake.
[[nodiscard]] std::vector<YAML::Node> LoadYaml(const std::string& text);

}  // namespace credence::cli
