// A file as a configuration. Goes on after every problem, so that all of them are told at once.
#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "plugin/config/options.h"
#include "plugin/safe_text.h"
#include "plugin/store/place.h"
#include "plugin/store/postgres.h"
#include "rules/loader/tree.h"

namespace myoflag::config {

using rules::Problem;
using rules::Problems;
using rules::loading::Document;
using rules::loading::Node;

class Reader {
 public:
  explicit Reader(Document& document) : document_(document) {}

  tl::expected<Loaded, Problems> read() {
    rules::loading::read_document(document_, problems_);
    if (problems_.empty()) {
      loaded_.config_ = default_config();
      loaded_.file_ = document_.file;
      read_sections(document_.root);
    }
    if (problems_.empty()) {
      check_whole();
    }
    if (!problems_.empty()) {
      rules::sort_problems(problems_);
      return tl::unexpected(std::move(problems_));
    }
    return std::move(loaded_);
  }

 private:
  using Names = std::vector<std::string_view>;

  void report(const Node& node, std::string_view code, std::string text) {
    problems_.push_back(problem_at(document_, node.offset, std::string(code), std::move(text)));
  }

  void note_place(const std::string& option, const Node& node) {
    const auto problem = problem_at(document_, node.offset, {}, {});
    loaded_.places_[option] = {problem.line, problem.column, problem.excerpt};
  }

  // The fields of a map; nothing where there is none. Those of other names, and the second of a
  // name, are problems and left out.
  std::vector<const Node::Field*> fields_of(const Node& node, const Names& known,
                                            std::string_view what) {
    if (node.kind == Node::Kind::null) {
      return {};
    }
    if (node.kind != Node::Kind::map) {
      report(node, "MF-4254", fmt::format("{} is to be a map of options", what));
      return {};
    }
    std::vector<const Node::Field*> fields;
    for (const auto& field : node.fields) {
      const auto& name = field.key.text;
      const bool twice = std::any_of(fields.begin(), fields.end(),
                                     [&](const auto* before) { return before->key.text == name; });
      if (std::find(known.begin(), known.end(), name) == known.end()) {
        report(
            field.key, "MF-4253",
            fmt::format("`{}` is not known in {}{}", name, what, rules::suggestion(name, known)));
      } else if (twice) {
        report(field.key, "MF-4256", fmt::format("`{}` stands here already", name));
      } else {
        fields.push_back(&field);
      }
    }
    return fields;
  }

  void read_sections(const Node& root) {
    Names names;
    for (const auto& section : sections()) {
      names.push_back(section.name);
    }
    for (const auto* field : fields_of(root, names, "the configuration")) {
      read_section(field->key.text, field->value);
    }
  }

  void read_section(std::string_view section, const Node& node) {
    Names names;
    for (const auto& option : options()) {
      if (option.section == section) {
        names.push_back(option.name);
      }
    }
    for (const auto* field : fields_of(node, names, section)) {
      const auto option = std::find_if(options().begin(), options().end(), [&](const Option& one) {
        return one.section == section && one.name == field->key.text;
      });
      const auto path = fmt::format("{}.{}", section, option->name);
      note_place(path, field->value);
      std::visit([&](const auto& how) { take(how, path, field->value); }, option->how);
    }
  }

  // A text; "" for nothing at all.
  std::optional<std::string> text_of(const Node& node, std::string_view path) {
    if (node.kind == Node::Kind::scalar) {
      return node.text;
    }
    if (node.kind != Node::Kind::null) {
      report(node, "MF-4254", fmt::format("{} is to be one text", path));
      return std::nullopt;
    }
    return std::string();
  }

  void take(const TextOption& option, const std::string& path, const Node& node) {
    auto text = text_of(node, path);
    if (!text) {
      return;
    }
    if (!text->empty() && !option.is_good(*text)) {
      report(node, "MF-4254", fmt::format("{} is to be {}", path, option.expected));
      return;
    }
    auto& value = option.at(loaded_.config_);
    if (text->empty() && !value.empty()) {
      report(node, "MF-4255", fmt::format("{} may not be empty", path));
      return;
    }
    value = *std::move(text);
  }

  void take(const NumberOption& option, const std::string& path, const Node& node) {
    std::int64_t value = 0;
    const auto& text = node.text;
    const auto* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, value);
    const bool is_number = node.kind == Node::Kind::scalar && !node.quoted && !text.empty() &&
                           error == std::errc() && at == end;
    if (!is_number || value < option.least || value > option.most) {
      report(node, "MF-4254",
             fmt::format("{} is to be a whole number from {} to {}{}{}", path, option.least,
                         option.most, option.unit.empty() ? "" : " ", option.unit));
      return;
    }
    option.set(loaded_.config_, value);
  }

  std::vector<const Node*> items_of(const Node& node, std::string_view path) {
    std::vector<const Node*> items;
    if (node.kind != Node::Kind::sequence && node.kind != Node::Kind::null) {
      report(node, "MF-4254", fmt::format("{} is to be a list", path));
    }
    for (const auto& item : node.items) {
      items.push_back(&item);
    }
    return items;
  }

  void take(const OriginsOption& option, const std::string& path, const Node& node) {
    auto& origins = option.at(loaded_.config_);
    for (const auto* item : items_of(node, path)) {
      const auto text = text_of(*item, path);
      if (text && !is_origin(*text)) {
        report(*item, "MF-4254",
               "an origin is to be scheme, host and perhaps port in lower case, such as "
               "https://sandbox.example.org");
      } else if (text && std::find(origins.begin(), origins.end(), *text) != origins.end()) {
        report(*item, "MF-4256", "this origin is listed already");
      } else if (text) {
        origins.push_back(*text);
      }
    }
  }

  void take(const ListOption& option, const std::string& path, const Node& node) {
    auto& list = option.at(loaded_.config_);
    list.clear();
    for (const auto* item : items_of(node, path)) {
      const auto text = text_of(*item, path);
      if (text && !option.is_good(*text)) {
        report(*item, "MF-4254", fmt::format("each of {} is to be {}", path, option.expected));
      } else if (text && std::find(list.begin(), list.end(), *text) != list.end()) {
        report(*item, "MF-4256", "this is listed already");
      } else if (text) {
        list.push_back(*text);
      }
    }
  }

  void take(const ClientsOption& /*option*/, const std::string& path, const Node& node) {
    auto& clients = loaded_.config_.clients;
    const auto items = items_of(node, path);
    for (std::size_t i = 0; i < items.size(); ++i) {
      const auto place = fmt::format("{}[{}]", path, i);
      note_place(place, *items[i]);
      auto client = read_client(*items[i], place);
      const bool twice = std::any_of(clients.begin(), clients.end(), [&](const auto& before) {
        return !client.issuer.empty() && before.issuer == client.issuer;
      });
      if (twice) {
        report(*items[i], "MF-4256", "this issuer is listed already");
      }
      clients.push_back(std::move(client));
    }
  }

  TrustedClient read_client(const Node& node, const std::string& place) {
    TrustedClient client;
    const std::pair<std::string_view, std::string*> texts[] = {
        {"issuer", &client.issuer},
        {"key-set", &client.key_set},
        {"key-set-url", &client.key_set_url},
        {"tenant", &client.tenant},
        {"fhir-server", &client.fhir_server}};
    const auto before = problems_.size();
    const Names known{"issuer", "key-set", "key-set-url", "tenant", "fhir-server", "algorithms"};
    for (const auto* field : fields_of(node, known, "a client")) {
      const auto& name = field->key.text;
      const auto path = fmt::format("{}.{}", place, name);
      note_place(path, field->value);
      if (name == "algorithms") {
        client.algorithms =
            read_algorithms(field->value, path, {trust::Algorithm::es384, trust::Algorithm::rs384});
        continue;
      }
      const auto text = text_of(field->value, path);
      // An empty one would switch its check off without saying so.
      if (text && text->empty()) {
        report(field->value, "MF-4255", fmt::format("{} is empty", path));
      }
      if (name == "fhir-server" && text && !text->empty() && !is_base(*text)) {
        report(field->value, "MF-4254",
               fmt::format("{} is to be an https:// address without a slash at its end", path));
      }
      const auto* const target = std::find_if(std::begin(texts), std::end(texts),
                                              [&](const auto& one) { return one.first == name; });
      *target->second = text.value_or("");
    }
    for (const auto* name : {"issuer", "key-set"}) {
      const bool is_there = node.kind == Node::Kind::map && node.find(name) != nullptr;
      if (!is_there && (problems_.size() == before || node.kind == Node::Kind::map)) {
        report(node, "MF-4255", fmt::format("a client needs `{}`", name));
      }
    }
    return client;
  }

  void take(const ServersOption& /*option*/, const std::string& path, const Node& node) {
    auto& servers = loaded_.config_.launch.servers;
    const auto items = items_of(node, path);
    for (std::size_t i = 0; i < items.size(); ++i) {
      const auto place = fmt::format("{}[{}]", path, i);
      note_place(place, *items[i]);
      auto server = read_server(*items[i], place);
      const bool twice = std::any_of(servers.begin(), servers.end(), [&](const auto& before) {
        return !server.iss.empty() && before.iss == server.iss;
      });
      if (twice) {
        report(*items[i], "MF-4256", "this iss is listed already");
      }
      servers.push_back(std::move(server));
    }
  }

  LaunchServer read_server(const Node& node, const std::string& place) {
    LaunchServer server;
    const std::pair<std::string_view, std::string*> texts[] = {{"iss", &server.iss},
                                                               {"client-id", &server.client_id},
                                                               {"key", &server.key},
                                                               {"key-id", &server.key_id},
                                                               {"scope", &server.scope}};
    const Names known{"iss", "client-id", "key", "key-id", "scope", "algorithms"};
    for (const auto* field : fields_of(node, known, "a server")) {
      const auto& name = field->key.text;
      const auto path = fmt::format("{}.{}", place, name);
      note_place(path, field->value);
      if (name == "algorithms") {
        server.algorithms = read_algorithms(field->value, path, LaunchServer().algorithms);
        continue;
      }
      const auto text = text_of(field->value, path);
      if (text && text->empty()) {
        report(field->value, "MF-4255", fmt::format("{} is empty", path));
      } else if (text && name == "iss" && !is_base(*text)) {
        report(field->value, "MF-4254",
               fmt::format("{} is to be an https:// address without a slash at its end", path));
      } else if (text && name == "scope") {
        check_scope(field->value, path, *text);
      }
      const auto* const target = std::find_if(std::begin(texts), std::end(texts),
                                              [&](const auto& one) { return one.first == name; });
      *target->second = text.value_or("");
    }
    for (const auto* name : {"iss", "client-id"}) {
      if (node.kind == Node::Kind::map && node.find(name) == nullptr) {
        report(node, "MF-4255", fmt::format("a server needs `{}`", name));
      }
    }
    return server;
  }

  // Without these nobody would be told who signed in, and for whom.
  void check_scope(const Node& node, const std::string& path, const std::string& scope) {
    const auto padded = " " + scope + " ";
    for (const auto* needed : {"launch", "openid"}) {
      if (padded.find(fmt::format(" {} ", needed)) == std::string::npos) {
        report(node, "MF-4255", fmt::format("{} needs `{}`", path, needed));
      }
    }
  }

  std::set<trust::Algorithm> read_algorithms(const Node& node, const std::string& path,
                                             const std::set<trust::Algorithm>& known) {
    std::string names;
    for (const auto one : known) {
      names += (names.empty() ? "" : " or ") + std::string(trust::name_of(one));
    }
    std::set<trust::Algorithm> algorithms;
    for (const auto* item : items_of(node, path)) {
      const auto algorithm = trust::algorithm_of(item->text);
      if (!algorithm || !known.contains(*algorithm)) {
        report(*item, "MF-4254", "an algorithm is to be " + names);
      } else {
        algorithms.insert(*algorithm);
      }
    }
    if (node.items.empty()) {
      report(node, "MF-4255", fmt::format("{} lists none", path));
    }
    return algorithms;
  }

  // One client's fetched keys in the place of another's would let it speak for the other.
  void check_key_files() {
    const auto& clients = loaded_.config_.clients;
    for (std::size_t i = 0; i < clients.size(); ++i) {
      const bool taken =
          std::any_of(clients.begin(), clients.begin() + static_cast<std::ptrdiff_t>(i),
                      [&](const auto& before) {
                        return before.key_set == clients[i].key_set &&
                               before.key_set_url != clients[i].key_set_url;
                      });
      if (taken) {
        problems_.push_back(
            loaded_.problem(fmt::format("trust.clients[{}].key-set", i), "MF-4256",
                            "another client has its keys in this file, from another address"));
      }
    }
  }

  void check_store(const char* option, const std::string& place) {
    const auto usable = store::is_database(place) ? store::check_address(place) : store::Done();
    if (!usable) {
      problems_.push_back(loaded_.problem(option, std::string(usable.error().code()),
                                          std::string(usable.error().words())));
    }
  }

  void check_delivery(const Delivery& delivery) {
    const bool has_target = !delivery.ehr.base.empty() || !delivery.how.folder.empty();
    const bool has_both = !delivery.ehr.base.empty() && !delivery.how.folder.empty();
    if (has_target == delivery.store.empty() || has_both) {
      problems_.push_back(loaded_.problem(
          has_both     ? "delivery.folder"
          : has_target ? "delivery.to"
                       : "delivery.store",
          "MF-4255", "delivery.store goes with either delivery.to or delivery.folder"));
    }
    if (delivery.poll.count() > 0 && delivery.ehr.base.empty()) {
      problems_.push_back(loaded_.problem("delivery.poll", "MF-4255",
                                          "delivery.poll goes with delivery.to: what it asks"));
    }
    if (!delivery.hook.empty() && delivery.store.empty() && loaded_.config_.intake.store.empty()) {
      problems_.push_back(
          loaded_.problem("delivery.hook", "MF-4255",
                          "delivery.hook goes with delivery.store or intake.store: what is urgent "
                          "stands there"));
    }
  }

  // Somebody whom nobody knows could not invite.
  void check_inviter() {
    const auto& config = loaded_.config_;
    const auto& inviter = config.intake.inviter;
    const bool is_client =
        std::any_of(config.clients.begin(), config.clients.end(),
                    [&](const auto& client) { return client.issuer == inviter; });
    if (inviter.empty()) {
      return;
    }
    if (!is_client) {
      problems_.push_back(loaded_.problem("intake.inviter", "MF-4254",
                                          "intake.inviter is the issuer of none of trust.clients"));
    }
    if (config.intake.store.empty()) {
      problems_.push_back(loaded_.problem("intake.store", "MF-4255",
                                          "intake.store is needed: intake.inviter is there"));
    }
  }

  void check_appointments() {
    const auto& config = loaded_.config_;
    if (config.intake.appointment_types.empty()) {
      return;
    }
    if (config.delivery.ehr.base.empty()) {
      problems_.push_back(
          loaded_.problem("intake.appointment-types", "MF-4255",
                          "intake.appointment-types goes with delivery.to: where they are asked"));
    }
    if (config.intake.store.empty()) {
      problems_.push_back(loaded_.problem(
          "intake.store", "MF-4255", "intake.store is needed: intake.appointment-types is there"));
    }
  }

  void check_prefill() {
    const auto& config = loaded_.config_;
    if (config.intake.prefill != "on") {
      return;
    }
    if (config.delivery.ehr.base.empty()) {
      problems_.push_back(
          loaded_.problem("intake.prefill", "MF-4255",
                          "intake.prefill goes with delivery.to: where the record is"));
    }
    if (config.intake.store.empty()) {
      problems_.push_back(loaded_.problem("intake.store", "MF-4255",
                                          "intake.store is needed: intake.prefill is on"));
    }
  }

  // A page without these would send a patient nowhere.
  void check_intake() {
    const auto& config = loaded_.config_;
    if (config.intake.store.empty()) {
      return;
    }
    const std::pair<const char*, const std::string*> needed[] = {
        {"intake.clinic", &config.intake.clinic},
        {"intake.phone", &config.intake.phone},
        {"intake.emergency-number", &config.intake.emergency_number},
        {"service.base", &config.base}};
    for (const auto& [option, value] : needed) {
      if (value->empty()) {
        problems_.push_back(loaded_.problem(
            option, "MF-4255", fmt::format("{} is needed: intake.store is there", option)));
      }
    }
    if (!config.delivery.store.empty() && config.delivery.store != config.intake.store) {
      problems_.push_back(
          loaded_.problem("delivery.store", "MF-4259",
                          "delivery.store and intake.store are to name the same file: what "
                          "patients answer would not be delivered"));
    }
  }

  // A launch leads to pages of forms, at an address that the servers know.
  void check_launch() {
    const auto& config = loaded_.config_;
    const auto& launch = config.launch;
    const auto missing = [&](const char* option, const char* text) {
      problems_.push_back(loaded_.problem(option, "MF-4255", text));
    };
    if (launch.servers.empty()) {
      if (!launch.patients_of.empty() || !launch.frame_ancestors.empty()) {
        missing("launch.servers", "launch.servers is needed: others of launch are there");
      }
      return;
    }
    if (config.intake.store.empty()) {
      missing("intake.store", "intake.store is needed: launch.servers is there");
    }
    if (config.base.empty()) {
      missing("service.base", "service.base is needed: launches come back to it");
    }
    if (launch.patients_of.empty() && launch.servers.size() > 1) {
      missing("launch.patients-of",
              "launch.patients-of is needed: Patient/123 of one server is another one's somebody "
              "else");
    }
    const bool is_listed =
        launch.patients_of.empty() ||
        std::any_of(launch.servers.begin(), launch.servers.end(),
                    [&](const auto& one) { return one.iss == launch.patients_of; });
    if (!is_listed) {
      problems_.push_back(
          loaded_.problem("launch.patients-of", "MF-4254",
                          "launch.patients-of is the iss of none of launch.servers"));
    }
  }

  // Somebody who signed in would be let in, or nobody would.
  void check_staff() {
    const auto& config = loaded_.config_;
    const auto& staff = config.staff;
    const std::pair<const char*, const std::string*> needed[] = {
        {"staff.client-id", &staff.client_id},
        {"staff.claim", &staff.claim},
        {"staff.value", &staff.value},
        {"intake.store", &config.intake.store},
        {"service.base", &config.base}};
    for (const auto& [option, value] : needed) {
      if (!staff.issuer.empty() && value->empty()) {
        problems_.push_back(loaded_.problem(
            option, "MF-4255", fmt::format("{} is needed: staff.issuer is there", option)));
      }
    }
    const bool has_others = !staff.client_id.empty() || !staff.claim.empty() ||
                            !staff.value.empty() || !staff.key.empty() || !staff.aud.empty() ||
                            !staff.secret.empty();
    if (staff.issuer.empty() && has_others) {
      problems_.push_back(loaded_.problem("staff.issuer", "MF-4255",
                                          "staff.issuer is needed: others of staff are there"));
    }
    // The other method is what holds without a word, and stands in files that "config" wrote.
    if (staff.secret_method == "client_secret_post" && staff.secret.empty()) {
      problems_.push_back(loaded_.problem("staff.client-secret-method", "MF-4255",
                                          "staff.client-secret-method goes with "
                                          "staff.client-secret: there is no secret to send"));
    }
    if (!staff.key.empty() && !staff.secret.empty()) {
      problems_.push_back(loaded_.problem(
          "staff.client-secret", "MF-4256",
          "staff.key and staff.client-secret are two ways to say who we are: one of them"));
    }
    if (staff.local_access == "off" && staff.issuer.empty() && config.launch.servers.empty()) {
      problems_.push_back(
          loaded_.problem("staff.local-access", "MF-4255",
                          "staff.local-access off goes with staff.issuer or launch.servers: nobody "
                          "could see the clinic's pages"));
    }
  }

  // What only shows when all is read.
  void check_whole() {
    const auto& config = loaded_.config_;
    const bool has_certificate = !config.tls.certificate.empty();
    if (has_certificate != !config.tls.key.empty()) {
      const auto* there = has_certificate ? "listen.certificate" : "listen.key";
      problems_.push_back(
          loaded_.problem(there, "MF-4255", "certificate and key are of use together only"));
    }
    if (!has_certificate && !is_loopback(config.host)) {
      problems_.push_back(loaded_.problem("listen.host", "MF-4241",
                                          "without a certificate it listens on loopback only "
                                          "(127.0.0.1 or ::1)"));
    }
    check_key_files();
    check_store("delivery.store", config.delivery.store);
    check_store("intake.store", config.intake.store);
    check_delivery(config.delivery);
    check_intake();
    check_inviter();
    check_appointments();
    check_prefill();
    check_launch();
    check_staff();
    if (!config.clients.empty() && config.base.empty()) {
      problems_.push_back(loaded_.problem("service.base", "MF-4255",
                                          "service.base is needed: tokens of clients name it"));
    }
  }

  Document& document_;
  Problems problems_;
  Loaded loaded_;
};

Problem Loaded::problem(const std::string& option, std::string code, std::string text) const {
  Problem problem;
  problem.code = std::move(code);
  problem.text = std::move(text);
  problem.file = file_;
  // Of one that does not stand there: what stands first in its section.
  const auto section = option.substr(0, option.find('.') + 1);
  auto found = places_.find(option);
  if (found == places_.end() && !section.empty()) {
    found = std::min_element(places_.begin(), places_.end(), [&](const auto& a, const auto& b) {
      const auto line = [&](const auto& one) {
        return one.first.starts_with(section) ? one.second.line
                                              : std::numeric_limits<std::size_t>::max();
      };
      return line(a) < line(b);
    });
    found = found == places_.end() || found->first.starts_with(section) ? found : places_.end();
  }
  if (found != places_.end()) {
    problem.line = found->second.line;
    problem.column = found->second.column;
    problem.excerpt = found->second.excerpt;
  }
  return problem;
}

tl::expected<Loaded, Problems> read_config(std::string file, std::string bytes) {
  Document document;
  document.file = safe_name(file);
  document.bytes = std::move(bytes);
  return Reader(document).read();
}

}  // namespace myoflag::config
