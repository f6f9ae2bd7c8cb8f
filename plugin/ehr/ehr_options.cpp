#include "plugin/ehr/ehr_options.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace myoflag::ehr {

namespace {

// Groups of --help.
constexpr const char* of_ehr = "EHR";

struct Named {
  const char* name;
  std::string EhrOptions::*value;
  const char* text;
};
constexpr std::array<Named, 9> named{
    {{"--client-id", &EhrOptions::client_id, "Our name there, for SMART Backend Services"},
     {"--key", &EhrOptions::key_file, "PEM file with our private key: RSA, or EC on P-384"},
     {"--key-id", &EhrOptions::key_id, "\"kid\" of the key; its thumbprint unless told"},
     {"--token-url", &EhrOptions::token_url,
      "Unless told, the endpoint's own configuration says it"},
     {"--scope", &EhrOptions::scope, "What is asked for; unless told, reading what is needed"},
     {"--ca", &EhrOptions::ca_file, "PEM file with certificates to trust beside the system's"},
     {"--certificate", &EhrOptions::certificate_file,
      "PEM file with our certificate, for mutual TLS"},
     {"--certificate-key", &EhrOptions::certificate_key_file, "PEM file with its key"},
     {"--proxy", &EhrOptions::proxy, "http://host:port"}}};

// Empty when it is one.
std::string is_level(const std::string& level) {
  constexpr std::string_view group = "Group/";
  const std::string_view id = std::string_view(level).substr(std::min(level.size(), group.size()));
  const bool is_group = level.starts_with(group) && !id.empty() && id.size() <= 64 &&
                        std::all_of(id.begin(), id.end(), [](char c) {
                          return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                 (c >= '0' && c <= '9') || c == '-' || c == '.';
                        });
  return level == "Patient" || is_group ? "" : "is neither Patient nor Group/<id>";
}

void add_if(std::vector<std::string>& arguments, const char* name, const std::string& value) {
  if (!value.empty()) {
    arguments.insert(arguments.end(), {name, value});
  }
}

}  // namespace

void add_ehr_options(CLI::App& command, EhrOptions& options) {
  for (const Named& option : named) {
    command.add_option(option.name, options.*option.value, option.text)->group(of_ehr);
  }
}

void add_export_choice(CLI::App& command, ExportChoice& choice) {
  command.add_option("--export-to", choice.folder, "Folder for what is exported; OUT-export")
      ->group(of_ehr);
  command.add_option("--group", choice.group, "\"Patient\" or \"Group/<id>\"; unless told, all")
      ->check(CLI::Validator(is_level, "", "level of an export"))
      ->group(of_ehr);
  command.add_option("--types", choice.types, "Resource types to export")
      ->delimiter(',')
      ->group(of_ehr);
}

tl::expected<std::string, Failure> hook_secret() {
  constexpr std::size_t least = 16;
  const char* secret = std::getenv("MYOFLAG_HOOK_SECRET");
  if (secret == nullptr || std::string_view(secret).size() < least) {
    return tl::unexpected(
        Failure{Exit::usage, fmt::format("MF-3165: the environment variable MYOFLAG_HOOK_SECRET is "
                                         "to hold the secret of the web hook, at least {} bytes",
                                         least)});
  }
  return secret;
}

std::vector<std::string> arguments_of(const EhrOptions& options) {
  std::vector<std::string> arguments;
  add_if(arguments, "--base", options.base);
  for (const Named& option : named) {
    add_if(arguments, option.name, options.*option.value);
  }
  return arguments;
}

std::vector<std::string> arguments_of(const ExportChoice& choice) {
  std::vector<std::string> arguments;
  add_if(arguments, "--export-to", choice.folder);
  add_if(arguments, "--group", choice.group);
  std::string types;
  for (const std::string& type : choice.types) {
    types += (types.empty() ? "" : ",") + type;
  }
  add_if(arguments, "--types", types);
  return arguments;
}

std::vector<std::string> arguments_of(const DeliveryChoice& choice) {
  std::vector<std::string> arguments;
  add_if(arguments, "--site", choice.site);
  add_if(arguments, "--sites", choice.sites);
  add_if(arguments, "--folder", choice.folder);
  if (choice.once) {
    arguments.push_back("--once");
  }
  if (choice.quiet) {
    arguments.push_back("--quiet");
  }
  return arguments;
}

std::vector<std::string> arguments_of(const AppointmentsChoice& choice) {
  std::vector<std::string> arguments{"--known", choice.known, "--out",   choice.out,
                                     "--from",  choice.from,  "--until", choice.until};
  for (const std::string& type : choice.types) {
    arguments.insert(arguments.end(), {"--type", type});
  }
  return arguments;
}

std::vector<std::string> poll_arguments(const std::string& store, const EhrOptions& options,
                                        const std::vector<std::string>& forms, bool quiet) {
  std::vector<std::string> arguments{"poll", "--store", store};
  for (const std::string& form : forms) {
    arguments.insert(arguments.end(), {"--form", form});
  }
  if (quiet) {
    arguments.emplace_back("--quiet");
  }
  const auto more = arguments_of(options);
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

}  // namespace myoflag::ehr
