#include "plugin/publish/package.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include <fmt/format.h>

#include "plugin/gzip.h"

namespace myoflag::publish {

namespace {

using fhir::Json;

constexpr std::string_view folder = "package/";
constexpr std::size_t block = 512;
constexpr int smallest = 9;

std::string file_name(const Json& resource) {
  return fmt::format("{}-{}.json", resource.string_of("resourceType"), resource.string_of("id"));
}

std::string pretty(const Json& json) { return fhir::write_json(json, fhir::JsonStyle::pretty); }

// "org.myoflag." of "https://myoflag.org/fhir"; empty where there is no host.
std::string reversed_host(std::string_view url) {
  const auto begin = url.find("://");
  if (begin == std::string_view::npos) {
    return {};
  }
  std::string_view host = url.substr(begin + 3);
  host = host.substr(0, host.find_first_of("/:?#"));
  std::string name;
  while (!host.empty()) {
    const auto dot = host.rfind('.');
    const auto label = dot == std::string_view::npos ? host : host.substr(dot + 1);
    name += std::string(label) + ".";
    host = dot == std::string_view::npos ? std::string_view() : host.substr(0, dot);
  }
  return name;
}

Json manifest(const rules::Knowledge& knowledge) {
  const std::string& about = knowledge.title;
  return Json::object(
      {{"name", package_name(knowledge)},
       {"version", knowledge.version},
       {"title", knowledge.title},
       {"description", fmt::format("{}. Knowledge {} {}, SHA-256 {}", about, knowledge.id,
                                   knowledge.version, knowledge.digest)},
       {"canonical", knowledge.canonical},
       {"url", knowledge.canonical},
       {"fhirVersions", Json::array({"4.0.1"})},
       {"type", "Conformance"},
       {"date", knowledge.date},
       {"dependencies", Json::object({{"hl7.fhir.r4.core", "4.0.1"}})},
       {"author", "Myoflag"}});
}

Json index_entry(const Json& resource) {
  Json entry = Json::object({{"filename", file_name(resource)}});
  for (const auto* name : {"resourceType", "id", "url", "version", "kind"}) {
    entry.set_if(name, resource.string_of(name));
  }
  if (const auto* type = resource.find("type"); type != nullptr && type->is_string()) {
    entry.set("type", *type);
  }
  return entry;
}

Json index(const std::vector<Json>& definitions) {
  Json files = Json::array();
  for (const auto& resource : definitions) {
    files.push(index_entry(resource));
  }
  return Json::object({{"index-version", 2}, {"files", std::move(files)}});
}

// ---- tar (POSIX.1-1988, "ustar"): three dozen lines, and no library's habits in our bytes

using Header = std::array<char, block>;

void put(Header& header, std::size_t at, std::string_view text) {
  std::copy(text.begin(), text.end(), header.begin() + static_cast<std::ptrdiff_t>(at));
}

Header header_of(const PackageFile& file) {
  constexpr std::size_t longest_name = 100;
  if (file.name.size() > longest_name) {
    throw std::logic_error("names in a package are short");
  }
  Header header{};
  put(header, 0, file.name);
  put(header, 100, "0000644");
  put(header, 108, "0000000");
  put(header, 116, "0000000");
  put(header, 124, fmt::format("{:011o}", file.text.size()));
  put(header, 136, "00000000000");
  put(header, 148, "        ");  // the sum is made over blanks
  put(header, 156, "0");
  put(header, 257,
      std::string_view("ustar\0"
                       "00",
                       8));
  unsigned sum = 0;
  for (const char c : header) {
    sum += static_cast<unsigned char>(c);
  }
  put(header, 148, fmt::format("{:06o}", sum));
  header[154] = '\0';
  return header;
}

std::string tar_of(const std::vector<PackageFile>& files) {
  std::string tar;
  for (const auto& file : files) {
    const Header header = header_of(file);
    tar.append(header.data(), header.size());
    tar += file.text;
    tar.append((block - file.text.size() % block) % block, '\0');
  }
  return tar.append(2 * block, '\0');
}

}  // namespace

std::string package_name(const rules::Knowledge& knowledge) {
  std::string name = reversed_host(knowledge.canonical) + knowledge.id;
  std::transform(name.begin(), name.end(), name.begin(), [](char c) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const bool is_usual = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9') ||
                          lower == '.' || lower == '-';
    return is_usual ? lower : '-';
  });
  return name;
}

std::vector<PackageFile> package_files(const rules::Knowledge& knowledge,
                                       const std::vector<Json>& definitions) {
  const std::string prefix(folder);
  std::vector<PackageFile> files{{prefix + "package.json", pretty(manifest(knowledge))},
                                 {prefix + ".index.json", pretty(index(definitions))}};
  for (const auto& resource : definitions) {
    files.push_back({prefix + file_name(resource), pretty(resource)});
  }
  return files;
}

std::string package_archive(const std::vector<PackageFile>& files) {
  return gzip_of(tar_of(files), smallest);
}

}  // namespace myoflag::publish
