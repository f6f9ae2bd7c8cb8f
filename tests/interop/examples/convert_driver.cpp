// Converts many resources to XML and back in one process and says how each one fared.
// Usage: convert_driver examples IN_DIR XML_OUT_DIR     every JSON file of a directory
//        convert_driver random COUNT XML_OUT_DIR        COUNT random resources of every type
// One line each on standard output: name, verdict, detail (tab-separated).
//   same       JSON -> XML -> JSON gives the same value, numbers compared as text
//   changed    it does not
//   MF-nnnn    a finding of check_structure, or the error that stopped the conversion

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "fhir/convert.h"
#include "fhir/r4/definitions.h"
#include "tests/fhir/random_resource.h"

namespace {

namespace fs = std::filesystem;
using myoflag::fhir::Error;
using myoflag::fhir::Json;

const myoflag::fhir::Limits limits{.bytes = 64U << 20, .nodes = 20'000'000};

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void say(const std::string& name, const std::string& verdict, const std::string& detail = {}) {
  std::cout << name << '\t' << verdict << '\t' << detail << '\n';
}

void say_error(const std::string& name, const Error& error) {
  say(name, error.code,
      error.text + " " + error.place + " " + std::to_string(error.line) + ":" +
          std::to_string(error.column));
}

void convert(const std::string& name, const Json& json, const fs::path& out) {
  for (const auto& issue : myoflag::fhir::check_structure(json)) {
    say(name, issue.code, issue.text + " " + issue.place);
  }
  const auto xml = myoflag::fhir::json_to_xml(json);
  if (!xml) {
    say_error(name, xml.error());
    return;
  }
  std::ofstream(out / (name + ".xml"), std::ios::binary) << *xml;
  const auto back = myoflag::fhir::xml_to_json(*xml, limits);
  if (!back) {
    say_error(name, back.error());
    return;
  }
  say(name, back->resource == json ? "same" : "changed");
}

void convert_file(const fs::path& path, const fs::path& out) {
  const auto name = path.stem().string();
  const auto json = myoflag::fhir::read_json(read_file(path), limits);
  if (json) {
    convert(name, *json, out);
  } else {
    say_error(name, json.error());
  }
}

void convert_examples(const fs::path& folder, const fs::path& out) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".json" && entry.path().filename() != "package.json") {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    convert_file(file, out);
  }
}

void convert_random(unsigned long count, const fs::path& out) {
  for (const auto& type : myoflag::fhir::r4::types()) {
    if (myoflag::fhir::r4::find_resource(type.name) == nullptr) {
      continue;
    }
    for (std::uint32_t seed = 0; seed < count; ++seed) {
      convert(std::string(type.name) + "-random-" + std::to_string(seed),
              myoflag::fhir::test::random_resource(type.name, seed), out);
    }
  }
}

}  // namespace

int main(int count, char** arguments) {
  const std::string mode = count == 4 ? arguments[1] : "";
  if (mode != "examples" && mode != "random") {
    std::cerr << "usage: convert_driver examples IN_DIR XML_OUT_DIR | random COUNT XML_OUT_DIR\n";
    return 2;
  }
  fs::create_directories(arguments[3]);
  if (mode == "examples") {
    convert_examples(arguments[2], arguments[3]);
  } else {
    convert_random(std::stoul(arguments[2]), arguments[3]);
  }
  return 0;
}
