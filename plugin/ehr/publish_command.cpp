#include "plugin/ehr/publish_command.h"

#include <array>
#include <fstream>
#include <map>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "plugin/ehr/open_ehr.h"
#include "plugin/publish/publish.h"
#include "plugin/safe_text.h"

namespace myoflag::ehr {

namespace {

using fhir::Json;
using publish::Line;
using publish::Outcome;

tl::expected<std::vector<Json>, Failure> read_definitions(const std::string& path) {
  std::vector<Json> definitions;
  std::ifstream in(path, std::ios::binary);
  std::string line;
  while (std::getline(in, line)) {
    auto json = fhir::read_json(line);
    const bool has_name = json && !json->string_of("resourceType").empty() &&
                          !json->string_of("url").empty() && !json->string_of("version").empty();
    if (!has_name) {
      break;
    }
    definitions.push_back(*std::move(json));
  }
  if (!in.eof() || definitions.empty()) {
    return tl::unexpected(
        Failure{Exit::usage, fmt::format("MF-4141: {}: no list of definitions", safe_name(path))});
  }
  return definitions;
}

std::string scope_of(const std::vector<Json>& definitions) {
  std::set<std::string> scopes;
  for (const auto& definition : definitions) {
    scopes.insert(fmt::format("system/{}.crus", definition.string_of("resourceType")));
  }
  return fmt::format("{}", fmt::join(scopes, " "));
}

constexpr std::array<std::string_view, 6> done{"unchanged", "created", "updated",
                                               "not taken", "refused", "not tried"};
constexpr std::array<std::string_view, 6> planned{"unchanged", "would create", "would update",
                                                  "not taken", "refused",      "not tried"};

std::string_view name_of(Outcome outcome, bool dry_run) {
  return (dry_run ? planned : done)[static_cast<std::size_t>(outcome)];
}

void print(std::string_view text) {
  fmt::print("{}\n", text);
  std::fflush(stdout);
}

// What is as it was, and types that are not taken, are told in sum.
void print_line(const Line& line, bool dry_run) {
  if (line.outcome == Outcome::unchanged || line.outcome == Outcome::not_taken ||
      line.outcome == Outcome::not_tried) {
    return;
  }
  print(fmt::format("{} {} {}{}{}", name_of(line.outcome, dry_run), line.type, line.canonical,
                    line.why.empty() ? "" : ": ", line.why));
}

void print_sums(const publish::Published& published, bool dry_run) {
  std::map<std::pair<std::string, std::string>, int> types;
  std::array<int, 6> sums{};
  for (const auto& line : published.lines) {
    ++sums[static_cast<std::size_t>(line.outcome)];
    if (line.outcome == Outcome::not_taken) {
      ++types[{line.type, line.why}];
    }
  }
  for (const auto& [type, count] : types) {
    print(fmt::format("not taken {} ({}): {}", type.first, count, type.second));
  }
  std::string text;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    if (sums[i] > 0) {
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", sums[i],
                          name_of(static_cast<Outcome>(i), dry_run));
    }
  }
  print(text);
}

Exit fail(const Failure& failure) {
  fmt::print(stderr, "error: {}\n", failure.text);
  return failure.exit;
}

}  // namespace

Exit publish_definitions(const EhrOptions& options, const PublishChoice& choice,
                         const std::atomic<bool>& stop) {
  const auto definitions = read_definitions(choice.from);
  if (!definitions) {
    return fail(definitions.error());
  }
  const auto ehr = open_ehr(options, scope_of(*definitions));
  if (!ehr) {
    return fail(ehr.error());
  }
  fhir::client::Endpoint endpoint;
  endpoint.base = options.base;
  fhir::client::Client client(*ehr->transport, endpoint, ehr->authority.get(), ehr->world);
  publish::PublishOptions how;
  how.dry_run = choice.dry_run;
  const auto published = publish::publish(
      client, *definitions, how, ehr->world,
      [&](const Line& line) { print_line(line, choice.dry_run); }, stop);
  if (!published) {
    return fail(published.error());
  }
  print_sums(*published, choice.dry_run);
  const Exit exit = publish::exit_of(*published);
  if (!published->broken_off.empty()) {
    return fail({exit, fmt::format("MF-4140: broken off; the same command goes on: {}",
                                   published->broken_off)});
  }
  if (exit == Exit::outside) {
    return fail({exit, "MF-4136: the server takes none of it"});
  }
  return exit;
}

}  // namespace myoflag::ehr
