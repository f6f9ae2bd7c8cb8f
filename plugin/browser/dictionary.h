#pragma once
// A text that browsers keep and by which pages become small: what is the same on each of them is
// sent once. Browsers that do not know it get what they got before. Source: RFC 9842 (Compression
// Dictionary Transport), content coding "dcz"; RFC 8878.

#include <optional>
#include <string>
#include <string_view>

#include "plugin/http/router.h"

namespace myoflag::browser {

class Dictionary {
 public:
  // `text`: what pages have in common, the same for everybody. `match`: addresses of those pages,
  // such as "/p/*".
  Dictionary(std::string_view name, std::string text, std::string_view match);

  // Its address, which changes with it.
  const std::string& path() const { return path_; }

  // The answer made small, where the browser says that it has this text; nothing where it has not.
  // For what holds of browser::compressed.
  std::optional<http::Response> compressed(const http::Request& request,
                                           const http::Response& response) const;

  void add_to(http::Router& router) const;

 private:
  const std::string text_, match_;
  std::string digest_;  // bytes
  std::string path_;
  std::string name_;  // as a browser says it
};

}  // namespace myoflag::browser
