// Converts every JSON example in a directory to XML and back in one process and says how each one
// fared. Usage: convert_driver IN_DIR XML_OUT_DIR     One line a file on standard output: name,
// verdict, detail (tab-separated).
//   same       JSON -> XML -> JSON gives the same value, numbers compared as text
//   changed    it does not
//   refused    read_json, json_to_xml or xml_to_json refused it; detail is the error
//   finding    additional line: what check_structure reports, with its place

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "fhir/convert.h"

namespace {

namespace fs = std::filesystem;
using myoflag::fhir::Error;
using myoflag::fhir::Json;

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void say(const std::string& name, std::string_view verdict, const std::string& detail = {}) {
  std::cout << name << '\t' << verdict << '\t' << detail << '\n';
}

std::string describe(const Error& error) {
  return error.code + " " + error.text + " at " + error.place + " " + std::to_string(error.line) +
         ":" + std::to_string(error.column);
}

void convert(const fs::path& path, const fs::path& out) {
  const auto name = path.filename().string();
  const auto limits = myoflag::fhir::Limits{.bytes = 64U << 20};
  const auto json = myoflag::fhir::read_json(read_file(path), limits);
  if (!json) {
    say(name, "refused", describe(json.error()));
    return;
  }
  for (const auto& issue : myoflag::fhir::check_structure(*json)) {
    say(name, "finding", issue.code + " " + issue.text + " at " + issue.place);
  }
  const auto xml = myoflag::fhir::json_to_xml(*json);
  if (!xml) {
    say(name, "refused", describe(xml.error()));
    return;
  }
  std::ofstream(out / (path.stem().string() + ".xml"), std::ios::binary) << *xml;
  const auto back = myoflag::fhir::xml_to_json(*xml, limits);
  if (!back) {
    say(name, "refused", describe(back.error()));
    return;
  }
  say(name, back->resource == *json ? "same" : "changed");
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) {
    std::cerr << "usage: convert_driver IN_DIR XML_OUT_DIR\n";
    return 2;
  }
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(arguments[1])) {
    if (entry.path().extension() == ".json" && entry.path().filename() != "package.json") {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  fs::create_directories(arguments[2]);
  for (const auto& file : files) {
    convert(file, arguments[2]);
  }
  return 0;
}
