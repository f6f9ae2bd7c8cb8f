#pragma once
// Where a store is: a file, or an address such as postgresql://myoflag@db.example/myoflag.

#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

namespace myoflag::store {

inline bool is_database(std::string_view place) {
  return place.starts_with("postgresql://") || place.starts_with("postgres://");
}

// No file of that name. A database that is not there says so when it is asked.
inline bool is_missing(const std::string& place) {
  std::error_code error;
  return !is_database(place) && !std::filesystem::exists(place, error);
}

}  // namespace myoflag::store
