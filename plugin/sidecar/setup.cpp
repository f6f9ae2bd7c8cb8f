#include "plugin/sidecar/setup.h"

#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "plugin/delivery/site.h"
#include "plugin/ehr/ehr_options.h"
#include "plugin/ehr/own_key.h"
#include "plugin/knowledge/knowledge.h"
#include "plugin/store/place.h"
#include "plugin/trust/gate.h"

namespace myoflag::sidecar {
namespace {

using rules::Problem;
using rules::Problems;

void append(Problems& to, Problems from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

}  // namespace

Setup::Setup(config::Loaded loaded, std::string folder, ReadFile read_file)
    : loaded_(std::move(loaded)), folder_(std::move(folder)), read_file_(std::move(read_file)) {}

Problem Setup::problem_at(const std::string& option, const Failure& failure) const {
  constexpr std::string_view between = ": ";
  const auto end = failure.text.find(between);
  return loaded_.problem(option, failure.text.substr(0, end),
                         failure.text.substr(end == std::string::npos ? 0 : end + between.size()));
}

std::string Setup::path_of(const std::string& named) const {
  return store::is_database(named) ? named : (std::filesystem::path(folder_) / named).string();
}

Checked<rules::KnowledgePtr> Setup::knowledge() const {
  if (config().knowledge.empty()) {
    return embedded_knowledge();
  }
  auto knowledge = knowledge_from_folder(path_of(config().knowledge));
  if (knowledge) {
    return *std::move(knowledge);
  }
  Problems problems{
      loaded_.problem("service.knowledge", "MF-4007", "the knowledge cannot be used")};
  append(problems, std::move(knowledge.error()));
  return tl::unexpected(std::move(problems));
}

Checked<std::string> Setup::secret_of(const char* option, const std::string& variable) const {
  const char* secret = std::getenv(variable.c_str());
  if (secret == nullptr || *secret == '\0') {
    return tl::unexpected(Problems{loaded_.problem(
        option, "MF-4257", fmt::format("the environment variable {} is not set", variable))});
  }
  return secret;
}

Checked<cds::CardSettings> Setup::cards() const {
  cds::CardSettings cards;
  cards.intake_link = config().intake_link;
  const bool is_launched = config().summary_app.empty() && !config().launch.servers.empty();
  cards.summary_app = is_launched ? config().base + "/smart/launch" : config().summary_app;
  if (const auto& name = config().id_secret; !name.empty()) {
    auto secret = secret_of("service.id-secret", name);
    if (!secret) {
      return tl::unexpected(std::move(secret.error()));
    }
    cards.tenant = *std::move(secret);
  }
  return cards;
}

Checked<std::shared_ptr<const Serving>> Setup::serving() const {
  auto knowledge = this->knowledge();
  auto cards = this->cards();
  Problems problems;
  if (!knowledge) {
    append(problems, std::move(knowledge.error()));
  }
  if (!cards) {
    append(problems, std::move(cards.error()));
  }
  if (!problems.empty()) {
    return tl::unexpected(std::move(problems));
  }
  auto serving = std::make_shared<const Serving>(*std::move(knowledge), *std::move(cards));
  if (!serving->assessor.has_form()) {
    return tl::unexpected(Problems{loaded_.problem(
        "service.knowledge", "MF-4246",
        "the form of the knowledge cannot be shown as a FHIR Questionnaire, so no answers to it "
        "could be judged; myoflag questionnaire says why")});
  }
  return serving;
}

Checked<std::vector<trust::Client>> Setup::clients() const {
  Problems problems;
  std::vector<trust::Client> clients;
  for (std::size_t i = 0; i < config().clients.size(); ++i) {
    const auto& given = config().clients[i];
    const auto option = fmt::format("trust.clients[{}].key-set", i);
    const auto bytes = read_file_(path_of(given.key_set));
    if (!bytes) {
      problems.push_back(problem_at(option, bytes.error()));
      continue;
    }
    auto keys = trust::read_keys(*bytes);
    if (!keys) {
      problems.push_back(loaded_.problem(
          option, "MF-4251", fmt::format("the key set cannot be used: {}", keys.error())));
      continue;
    }
    clients.push_back(
        {given.issuer, given.tenant, given.key_set_url, given.algorithms, *std::move(keys)});
  }
  if (!problems.empty()) {
    return tl::unexpected(std::move(problems));
  }
  return clients;
}

Checked<std::shared_ptr<const http::Tls>> Setup::tls() const {
  if (config().tls.certificate.empty()) {
    return nullptr;
  }
  auto tls = http::Tls::load({path_of(config().tls.certificate), path_of(config().tls.key)});
  if (!tls) {
    return tl::unexpected(Problems{problem_at("listen.certificate", tls.error())});
  }
  return *std::move(tls);
}

std::vector<std::string> Setup::fhir_servers() const {
  std::vector<std::string> servers;
  for (const auto& client : config().clients) {
    if (!client.fhir_server.empty() && config().fetching.at_once > 0) {
      servers.push_back(client.fhir_server);
    }
  }
  return servers;
}

Checked<std::vector<std::string>> Setup::fetch_arguments(const std::string& section,
                                                         const std::string& ca,
                                                         const std::string& proxy) const {
  ehr::EhrOptions how;
  if (!ca.empty()) {
    how.ca_file = path_of(ca);
    if (const auto read = read_file_(how.ca_file); !read) {
      return tl::unexpected(Problems{problem_at(section + ".ca", read.error())});
    }
  }
  how.proxy = proxy;
  std::vector<std::string> arguments{"fetch"};
  const auto more = ehr::arguments_of(how);
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

Checked<std::vector<std::string>> Setup::fetching() const {
  const auto& given = config().fetching;
  if (fhir_servers().empty()) {
    return std::vector<std::string>();
  }
  return fetch_arguments("fetch", given.ca, given.proxy);
}

Checked<std::vector<std::string>> Setup::launching() const {
  const auto& given = config().launch;
  if (given.servers.empty() && config().staff.issuer.empty()) {
    return std::vector<std::string>();
  }
  return fetch_arguments("launch", given.ca, given.proxy);
}

// Keys are read here to tell a wrong one now; what signs with one reads it again.
Checked<std::vector<launch::Server>> Setup::launch_servers() const {
  const auto& given = config().launch;
  const auto& home = given.patients_of;
  Problems problems;
  std::vector<launch::Server> servers;
  for (std::size_t i = 0; i < given.servers.size(); ++i) {
    const auto& one = given.servers[i];
    const auto file = one.key.empty() ? std::string() : path_of(one.key);
    if (!file.empty()) {
      if (const auto key = ehr::read_key(file, one.key_id); !key) {
        problems.push_back(problem_at(fmt::format("launch.servers[{}].key", i), key.error()));
      }
    }
    servers.push_back({one.iss, one.client_id, file, one.key_id, one.scope, one.algorithms,
                       home.empty() || home == one.iss});
  }
  if (!problems.empty()) {
    return tl::unexpected(std::move(problems));
  }
  return servers;
}

Checked<std::vector<launch::Server>> Setup::staff_server() const {
  const auto& given = config().staff;
  if (given.issuer.empty()) {
    return std::vector<launch::Server>();
  }
  launch::Server server;
  server.iss = given.issuer;
  server.client_id = given.client_id;
  server.key_file = given.key.empty() ? "" : path_of(given.key);
  server.key_id = given.key_id;
  server.scope = given.scope;
  server.is_staff = true;
  server.aud = given.aud;
  server.claim = given.claim;
  server.value = given.value;
  server.signed_out = given.sign_out == "provider" ? config().base + "/staff/signed-out" : "";
  server.secret_in_form = given.secret_method == "client_secret_post";
  if (!given.secret.empty()) {
    auto secret = secret_of("staff.client-secret", given.secret);
    if (!secret) {
      return tl::unexpected(std::move(secret.error()));
    }
    server.secret = *std::move(secret);
  }
  if (!server.key_file.empty()) {
    if (const auto key = ehr::read_key(server.key_file, server.key_id); !key) {
      return tl::unexpected(Problems{problem_at("staff.key", key.error())});
    }
  }
  return std::vector<launch::Server>{std::move(server)};
}

config::Delivery Setup::delivery_from_here() const {
  auto given = config().delivery;
  for (auto* path :
       {&given.store, &given.how.folder, &given.how.sites, &given.ehr.key_file, &given.ehr.ca_file,
        &given.ehr.certificate_file, &given.ehr.certificate_key_file}) {
    *path = path->empty() ? "" : path_of(*path);
  }
  return given;
}

Checked<std::vector<std::string>> Setup::polling(const std::vector<std::string>& forms) const {
  const auto given = delivery_from_here();
  if (given.poll.count() == 0) {
    return std::vector<std::string>();
  }
  return ehr::poll_arguments(given.store, given.ehr, forms, true);
}

std::vector<std::string> Setup::prefilling() const {
  if (config().intake.prefill != "on") {
    return {};
  }
  std::vector<std::string> arguments{"fetch"};
  const auto more = ehr::arguments_of(delivery_from_here().ehr);
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

Checked<std::vector<std::string>> Setup::delivery() const {
  auto given = delivery_from_here();
  if (given.store.empty()) {
    return std::vector<std::string>();
  }
  const auto site = delivery::load_sites(given.how.sites).and_then([&](const auto& sites) {
    return delivery::site_of(sites, given.how.site);
  });
  if (!site) {
    return tl::unexpected(Problems{problem_at("delivery.site", site.error())});
  }
  if ((site->highest == delivery::Rung::file) == given.how.folder.empty()) {
    return tl::unexpected(Problems{
        loaded_.problem("delivery.site", "MF-3150",
                        "a site for files goes with delivery.folder, any other with delivery.to")});
  }
  given.how.quiet = true;
  std::vector<std::string> arguments{"deliver", "--store", given.store};
  for (const auto& more : {ehr::arguments_of(given.how), ehr::arguments_of(given.ehr)}) {
    arguments.insert(arguments.end(), more.begin(), more.end());
  }
  return arguments;
}

std::string Setup::outbox() const {
  const auto& file =
      config().delivery.store.empty() ? config().intake.store : config().delivery.store;
  return file.empty() ? "" : path_of(file);
}

Checked<std::vector<std::string>> Setup::hook() const {
  const auto& given = config().delivery;
  if (given.hook.empty()) {
    return std::vector<std::string>();
  }
  if (const auto secret = ehr::hook_secret(); !secret) {
    return tl::unexpected(Problems{problem_at("delivery.hook", secret.error())});
  }
  ehr::EhrOptions how;
  how.ca_file = given.ehr.ca_file.empty() ? "" : path_of(given.ehr.ca_file);
  how.proxy = given.ehr.proxy;
  std::vector<std::string> arguments{"alert", "--store", outbox(), "--url", given.hook, "--quiet"};
  const auto more = ehr::arguments_of(how);
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

Problems Setup::problems() const {
  auto problems = problems_of(tls(), serving(), clients(), delivery(), hook(), fetching(),
                              launching(), launch_servers(), staff_server());
  if (!config::serves_anybody(config())) {
    problems.push_back(loaded_.problem(
        "trust.clients", "MF-4240",
        "nobody could be served: there is neither a client in trust.clients nor intake.store"));
  }
  return problems;
}

}  // namespace myoflag::sidecar
