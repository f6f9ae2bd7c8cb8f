// A configuration as a commented file.
#include <fmt/format.h>

#include "plugin/config/options.h"

namespace myoflag::config {
namespace {

constexpr std::string_view head =
    "Configuration of `myoflag serve --config FILE`. Whatever is left out is as it stands here.\n"
    "Paths are relative to this file. No secret belongs in it: where one is needed, an option "
    "names\n"
    "the environment variable that holds it. `myoflag config --check FILE` tells all that is "
    "wrong.\n"
    "What has to be decided before it serves anybody: `trust.clients` (EHRs) or `intake.store` "
    "(pages\n"
    "for patients), each with what goes with it.";

std::string commented(std::string_view lines, std::string_view indent) {
  std::string out;
  while (!lines.empty()) {
    const auto end = lines.find('\n');
    out += fmt::format("{}# {}\n", indent, lines.substr(0, end));
    lines = end == std::string_view::npos ? "" : lines.substr(end + 1);
  }
  return out;
}

// In double quotes, so that nothing in it means more to YAML than itself.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
    }
    out += c;
  }
  return out + '"';
}

std::string list_of(const std::vector<std::string>& texts) {
  std::string out;
  for (const auto& text : texts) {
    out += (out.empty() ? "" : ", ") + quoted(text);
  }
  return "[" + out + "]";
}

std::vector<std::string> names_of(const std::set<trust::Algorithm>& algorithms) {
  std::vector<std::string> names;
  for (const auto algorithm : algorithms) {
    names.emplace_back(trust::name_of(algorithm));
  }
  return names;
}

std::string client_text(const TrustedClient& client) {
  std::string out = fmt::format("\n    - issuer: {}", quoted(client.issuer));
  const auto add = [&out](std::string_view name, const std::string& value) {
    out += value.empty() ? "" : fmt::format("\n      {}: {}", name, quoted(value));
  };
  add("key-set", client.key_set);
  add("key-set-url", client.key_set_url);
  add("tenant", client.tenant);
  add("fhir-server", client.fhir_server);
  return out + "\n      algorithms: " + list_of(names_of(client.algorithms));
}

std::string server_text(const LaunchServer& server) {
  std::string out = fmt::format("\n    - iss: {}", quoted(server.iss));
  const auto add = [&out](std::string_view name, const std::string& value) {
    out += value.empty() ? "" : fmt::format("\n      {}: {}", name, quoted(value));
  };
  add("client-id", server.client_id);
  add("key", server.key);
  add("key-id", server.key_id);
  add("scope", server.scope);
  return out + "\n      algorithms: " + list_of(names_of(server.algorithms));
}

struct Value {
  Config& config;
  std::string operator()(const TextOption& option) const { return " " + quoted(option.at(config)); }
  std::string operator()(const NumberOption& option) const {
    return fmt::format(" {}", option.get(config));
  }
  std::string operator()(const OriginsOption& option) const {
    return " " + list_of(option.at(config));
  }
  std::string operator()(const ListOption& option) const {
    return " " + list_of(option.at(config));
  }
  std::string operator()(const ServersOption& /*option*/) const {
    std::string out;
    for (const auto& server : config.launch.servers) {
      out += server_text(server);
    }
    return out.empty() ? " []" : out;
  }
  std::string operator()(const ClientsOption& /*option*/) const {
    std::string out;
    for (const auto& client : config.clients) {
      out += client_text(client);
    }
    return out.empty() ? " []" : out;
  }
};

// What may stand there, and what does when nothing is said.
struct Range {
  std::string operator()(const TextOption& option) const {
    Config defaults = default_config();
    const auto& value = option.at(defaults);
    return fmt::format("{}default {}",
                       option.expected.empty() ? "" : fmt::format("{}; ", option.expected),
                       value.empty() ? "none" : value);
  }
  std::string operator()(const NumberOption& option) const {
    return fmt::format("{} to {}{}{}; default {}", option.least, option.most,
                       option.unit.empty() ? "" : " ", option.unit, option.get(default_config()));
  }
  std::string operator()(const OriginsOption& /*option*/) const { return "default none"; }
  std::string operator()(const ListOption& option) const {
    return fmt::format("each {}; default none", option.expected);
  }
  std::string operator()(const ClientsOption& /*option*/) const { return "default none"; }
  std::string operator()(const ServersOption& /*option*/) const { return "default none"; }
};

}  // namespace

Config default_config() {
  Config config;
  config.limits.workers = 0;
  return config;
}

std::vector<std::string> differences(const Config& one, const Config& other) {
  Config left = one, right = other;
  std::vector<std::string> names;
  for (const auto& option : options()) {
    if (std::visit(Value{left}, option.how) != std::visit(Value{right}, option.how)) {
      names.push_back(fmt::format("{}.{}", option.section, option.name));
    }
  }
  return names;
}

std::string to_text(const Config& config) {
  Config copy = config;
  std::string out = commented(head, "");
  for (const auto& section : sections()) {
    out += "\n" + commented(section.about, "") + fmt::format("{}:\n", section.name);
    for (const auto& option : options()) {
      if (option.section == section.name) {
        out += commented(option.about, "  ") + commented(std::visit(Range{}, option.how), "  ") +
               fmt::format("  {}:{}\n", option.name, std::visit(Value{copy}, option.how));
      }
    }
  }
  return out;
}

}  // namespace myoflag::config
