// The configuration: what is written reads as itself, and every mistake is told with its place.
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugin/config/options.h"

namespace myoflag::config {
namespace {

using ::testing::HasSubstr;

std::string texts_of(const rules::Problems& problems) {
  std::string text;
  for (const auto& problem : problems) {
    text += rules::to_text(problem);
  }
  return text;
}

Config config_of(const std::string& text) {
  const auto loaded = read_config("c.yaml", text);
  EXPECT_TRUE(loaded) << texts_of(loaded.error()) << text;
  return loaded ? loaded->config() : Config{};
}

// "line:column: code: sentence" of each.
std::string problems_of(const std::string& text) {
  const auto loaded = read_config("c.yaml", text);
  std::string list;
  for (const auto& problem : loaded ? rules::Problems() : loaded.error()) {
    list +=
        fmt::format("{}:{}: {}: {}\n", problem.line, problem.column, problem.code, problem.text);
  }
  return list;
}

TEST(Config, TheDefaultFileReadsAsTheDefaults) {
  const auto text = to_text(default_config());
  EXPECT_EQ(to_text(config_of(text)), text);
  EXPECT_EQ(to_text(config_of("")), text);
  EXPECT_EQ(to_text(config_of("limits:\ntrust:\n  clients:\nlisten: {}\n")), text);
}

TEST(Config, TheDefaultFileHasEveryOptionExplained) {
  const auto text = to_text(default_config());
  for (const auto& option : options()) {
    EXPECT_THAT(text, HasSubstr(fmt::format("\n  {}: ", option.name)));
    EXPECT_FALSE(option.about.empty()) << option.name;
  }
  EXPECT_THAT(text, HasSubstr("# 1 to 300 seconds; default 10\n  body-time: 10\n"));
  EXPECT_THAT(text, HasSubstr("# 0 to 65535; default 8080\n  port: 8080\n"));
  std::size_t begin = 0;
  for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
    EXPECT_LE(end - begin, 100u) << text.substr(begin, end - begin);
    begin = end + 1;
  }
}

TEST(Config, DefaultsAreInTheirOwnRange) {
  const auto defaults = default_config();
  for (const auto& option : options()) {
    if (const auto* number = std::get_if<NumberOption>(&option.how)) {
      EXPECT_GE(number->get(defaults), number->least) << option.name;
      EXPECT_LE(number->get(defaults), number->most) << option.name;
    }
  }
}

// Whatever is set comes back: no option is bound to the place of another.
TEST(Config, EveryOptionIsReadToWhereItIsWrittenFrom) {
  Config config = default_config();
  std::int64_t different = 0;
  for (const auto& option : options()) {
    if (const auto* number = std::get_if<NumberOption>(&option.how)) {
      number->set(config, number->most - different);
      EXPECT_EQ(number->get(config), number->most - different) << option.name;
      different = (different + 1) % 7;  // within the smallest range
    }
  }
  config.host = "::1";
  config.base = "https://cds.example";
  config.tls = {"a \"b\\.pem", "c: #d.pem"};
  config.knowledge = "- e";
  config.intake_link = "https://f.example/";
  config.summary_app = "https://g.example/launch";
  config.id_secret = "MYOFLAG_ID_SECRET";
  config.delivery.store = "store.sqlite";
  config.delivery.ehr.base = "https://n.example/r4";
  config.delivery.hook = "https://o.example/urgent?of=us";
  config.origins = {"https://h.example", "http://127.0.0.1:9000"};
  config.clients = {{"https://i.example", "keys.json", "", "", "", {trust::Algorithm::es384}},
                    {"j", "k.json", "https://l.example/jwks", "north", "https://m.example/r4", {}}};
  config.clients[1].algorithms = {trust::Algorithm::rs384, trust::Algorithm::es384};
  config.intake.store = "store.sqlite";
  config.intake.clinic = "Clinic";
  config.intake.phone = "1";
  config.intake.emergency_number = "112";
  config.launch.servers = {
      {"https://n.example/r4", "us", "o.pem", "p"},
      {"https://q.example/r4", "them", "", "", "openid launch", {trust::Algorithm::es256}}};
  config.launch.patients_of = "https://q.example/r4";
  config.launch.frame_ancestors = {"https://r.example"};
  config.intake.inviter = config.clients[1].issuer;
  config.intake.appointment_types = {"https://s.example/visits|first", "https://s.example|2"};
  config.intake.languages = {"es", "en"};
  config.intake.appointment_days = 30;
  config.delivery.store = "store.sqlite";
  config.delivery.ehr.base = "https://t.example/fhir";
  config.staff.issuer = "https://u.example";
  config.staff.client_id = "us";
  config.staff.claim = "groups";
  config.staff.value = "staff";
  config.staff.local_access = "off";
  config.base = "https://v.example";
  const auto text = to_text(config);
  const auto read = config_of(text);
  EXPECT_EQ(to_text(read), text);
  EXPECT_EQ(read.launch.servers[0].key_id, "p");
  EXPECT_EQ(read.launch.servers[0].scope, "launch openid fhirUser");
  EXPECT_EQ(read.launch.servers[1].algorithms, (std::set{trust::Algorithm::es256}));
  EXPECT_EQ(read.launch.patients_of, "https://q.example/r4");
  EXPECT_EQ(read.launch.frame_ancestors, config.launch.frame_ancestors);
  EXPECT_EQ(read.staff.value, "staff");
  EXPECT_EQ(read.staff.local_access, "off");
  EXPECT_EQ(read.intake.inviter, config.intake.inviter);
  EXPECT_EQ(read.intake.appointment_types, config.intake.appointment_types);
  EXPECT_EQ(read.intake.languages, config.intake.languages);
  EXPECT_EQ(read.intake.appointment_days, 30);
  EXPECT_EQ(read.origins, config.origins);
  EXPECT_EQ(read.tls.certificate, config.tls.certificate);
  EXPECT_EQ(read.tls.key, config.tls.key);
  EXPECT_EQ(read.clients[1].tenant, "north");
  EXPECT_EQ(read.clients[1].fhir_server, "https://m.example/r4");
  EXPECT_EQ(read.limits.head_time, config.limits.head_time);
}

TEST(Config, WhatDiffersIsNamed) {
  Config config = default_config();
  EXPECT_TRUE(differences(config, default_config()).empty());
  config.delivery.ehr.base = "https://ehr.example";
  config.port = 1;
  config.clients = {{"i", "k", "", "", "", {}}};
  EXPECT_EQ(differences(default_config(), config),
            (std::vector<std::string>{"listen.port", "trust.clients", "delivery.to"}));
}

TEST(Config, AllProblemsAreToldAtOnceWithTheirPlaces) {
  EXPECT_EQ(problems_of("listen:\n"
                        "  prot: 80\n"
                        "  port: 99999\n"
                        "  host: localhost.example\n"
                        "servise:\n"
                        "  base: x\n"
                        "limits:\n"
                        "  body-time: 1.5\n"
                        "  body-time: 5\n"),
            "2:3: MF-4253: `prot` is not known in listen; did you mean `port`?\n"
            "3:9: MF-4254: listen.port is to be a whole number from 0 to 65535\n"
            "4:9: MF-4254: listen.host is to be an address such as 127.0.0.1 or ::1\n"
            "5:1: MF-4253: `servise` is not known in the configuration; did you mean `service`?\n"
            "8:14: MF-4254: limits.body-time is to be a whole number from 1 to 300 seconds\n"
            "9:3: MF-4256: `body-time` stands here already\n");
  const auto loaded = read_config("c.yaml", "listen:\n  prot: 80\n");
  ASSERT_FALSE(loaded);
  EXPECT_EQ(rules::to_text(loaded.error().front()),
            "c.yaml:2:3: MF-4253: `prot` is not known in listen; did you mean `port`?\n"
            "    prot: 80\n"
            "    ^\n");
}

TEST(Config, EachMistakeIsToldWithItsPlace) {
  const std::pair<std::string, std::string> mistakes[] = {
      {"listen: 5", "1:9: MF-4254: listen is to be a map"},
      {"- a", "1:1: MF-4254: the configuration is to be a map"},
      {"a: [", "MF-2004"},
      {"a: \"x\nb: 1\n", "1:4: MF-2004"},  // a quotation without end, which hid what follows
      {"a: 1\nb: 'x\n", "2:4: MF-2004"},
      {"a: ['x', 'y', z]\nb: ['x, 'y']\n", "MF-2004"},
      {"a: &x 1", "MF-2005"},
      {"\xff", "MF-2003"},
      {"listen: {port: -1}", "1:16: MF-4254"},
      {"listen: {port: '80'}", "1:16: MF-4254"},
      {"listen: {port: 0x50}", "1:16: MF-4254"},
      {"listen: {port: 99999999999999999999}", "1:16: MF-4254"},
      {"listen: {port: }", "1:"},
      {"trust: {clients: [{issuer: a, key-set: b, fhir-server: 'https://e.example/'}]}",
       "1:56: MF-4254: trust.clients[0].fhir-server"},
      {"trust: {clients: [{issuer: a, key-set: b, fhir-server: 'http://e.example'}]}", "MF-4254"},
      {"trust: {clients: [{issuer: a, key-set: b, fhir-server: 'https://a@e.example'}]}",
       "MF-4254"},
      {"trust: {clients: [{issuer: a, key-set: b, fhir-server: ''}]}", "MF-4255"},
      {"delivery: {poll: 60}", "MF-4255: delivery.poll goes with"},
      {"delivery: {hook: 'https://x/'}", "MF-4255: delivery.hook goes with"},
      {"delivery: {hook: 'http://x/'}", "MF-4254: delivery.hook"},
      {"delivery: {escalate: telegram}", "MF-4254: delivery.escalate"},
      {"listen: {host: ''}", "MF-4255: listen.host may not be empty"},
      {"listen: {host: [a]}", "MF-4254: listen.host is to be one text"},
      {"listen: {host: 0.0.0.0}", "1:16: MF-4241"},
      {"listen: {host: '::'}", "MF-4241"},
      {"listen: {certificate: a.pem}", "1:23: MF-4255: certificate and key"},
      {"listen: {key: a.pem}", "1:15: MF-4255: certificate and key"},
      {"service: {base: http://cds.example}", "1:17: MF-4254: service.base"},
      {"service: {base: https://cds.example/}", "MF-4254"},
      {"service: {base: 'https://cds.example?a'}", "MF-4254"},
      {"service: {intake-link: 'javascript:1'}", "MF-4254"},
      {"service: {id-secret: 'the secret itself!'}", "MF-4254"},
      {"cors: {origins: ['*']}", "1:18: MF-4254"},
      {"cors: {origins: [https://a.example/]}", "MF-4254"},
      {"cors: {origins: [https://A.example]}", "MF-4254"},
      {"cors: {origins: [null]}", "MF-4254"},
      {"cors: {origins: https://a.example}", "MF-4254: cors.origins is to be a list"},
      {"cors: {origins: [https://a.example, https://a.example]}", "1:37: MF-4256"},
      {"trust: {clients: [5]}", "1:19: MF-4254: a client is to be a map"},
      {"trust: {clients: [{}]}", "MF-4255: a client needs `issuer`"},
      {"trust: {clients: [{issuer: i}]}", "MF-4255: a client needs `key-set`"},
      {"trust: {clients: [{issuer: '', key-set: k}]}", "MF-4255: trust.clients[0].issuer is empty"},
      {"trust: {clients: [{issuer: i, key-set: k, tenant: }]}", "trust.clients[0].tenant is empty"},
      {"trust: {clients: [{issuer: i, key-set: k, Tenant: t}]}", "did you mean `tenant`?"},
      {"trust: {clients: [{issuer: i, key-set: k, algorithms: []}]}", "lists none"},
      {"trust: {clients: [{issuer: i, key-set: k, algorithms: [none]}]}", "ES384 or RS384"},
      {"trust: {clients: [{issuer: i, key-set: k, algorithms: ES384}]}", "is to be a list"},
      {"trust: {clients: [{issuer: i, key-set: k}, {issuer: i, key-set: l}]}",
       "1:44: MF-4256: this issuer"},
      {"trust: {clients: [{issuer: i, key-set: k}]}", "MF-4255: service.base is needed"},
      {"service: {base: https://b.example}\ntrust:\n  clients:\n"
       "    - {issuer: i, key-set: k, key-set-url: https://i.example}\n"
       "    - {issuer: j, key-set: k, key-set-url: https://j.example}\n",
       "5:28: MF-4256: another client has its keys in this file"},
      {"delivery: {store: o.sqlite}", "1:19: MF-4255: delivery.store goes with"},
      {"delivery: {to: https://e.example}", "1:16: MF-4255: delivery.store goes with"},
      {"intake: {store: o.sqlite}", "MF-4255: intake.phone is needed"},
      {"intake: {phone: Clinic}", "1:17: MF-4254: intake.phone"},
      {"delivery: {store: a.sqlite, folder: out, site: file}\nintake: {store: b.sqlite}",
       "1:19: MF-4259: delivery.store and intake.store"},
      {"delivery: {store: 'postgresql://a:secret@h/d', to: https://e.example}",
       "1:19: MF-3109: the address of the database cannot be used: no password"},
      {"intake: {store: 'postgresql://a@db.example/d?sslmode=require', clinic: A, phone: '1',"
       " emergency-number: '112'}",
       "1:17: MF-3109: the address of the database cannot be used: to another machine"},
  };
  for (const auto& [text, expected] : mistakes) {
    EXPECT_THAT(problems_of(text), HasSubstr(expected)) << text;
  }
}

TEST(Config, IntakeAndDeliveryShareAStore) {
  const auto loaded = read_config("c.yaml",
                                  "service: {base: https://b.example}\n"
                                  "delivery: {store: o.sqlite, to: https://e.example}\n"
                                  "intake: {store: o.sqlite, clinic: A, phone: '1',"
                                  " emergency-number: '112'}\n");
  ASSERT_TRUE(loaded) << rules::to_text(loaded.error().front());
  EXPECT_EQ(loaded->config().intake.store, loaded->config().delivery.store);
}

// A secret put where the name of its variable belongs is not repeated, but where the line is shown.
TEST(Config, ASentenceQuotesNoValue) {
  for (const auto* name : {"id-secret", "base", "intake-link"}) {
    const auto loaded =
        read_config("c.yaml", fmt::format("service: {{\n  {}: Canary 271\n}}\n", name));
    ASSERT_FALSE(loaded) << name;
    EXPECT_THAT(loaded.error().front().text, ::testing::Not(HasSubstr("Canary")));
  }
}

TEST(Config, LaterProblemsKnowThePlaceOfTheirOption) {
  const auto loaded = read_config("c.yaml", "listen:\n  certificate: a\n  key: b\n");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(rules::to_text(loaded->problem("listen.key", "MF-4219", "bad")),
            "c.yaml:3:8: MF-4219: bad\n    key: b\n         ^\n");
  EXPECT_EQ(rules::to_text(loaded->problem("service.base", "MF-4255", "missing")),
            "c.yaml: MF-4255: missing\n");
}

TEST(Config, LoopbackIsToldFromTheRest) {
  for (const auto* host : {"127.0.0.1", "127.255.0.9", "::1"}) {
    EXPECT_TRUE(is_loopback(host)) << host;
  }
  for (const auto* host :
       {"0.0.0.0", "::", "128.0.0.1", "127.evil.example", "127.1", "", "::2", "::ffff:127.0.0.1"}) {
    EXPECT_FALSE(is_loopback(host)) << host;
  }
}

}  // namespace
}  // namespace myoflag::config
