#include "rules/snapshot.h"

#include <algorithm>
#include <concepts>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "rules/digest.h"

namespace myoflag::rules {
namespace {

constexpr std::string_view kMagic = "myoflag knowledge\n";
constexpr std::uint32_t kVersion = 7;
constexpr int kMaxDepth = 64;

// The fields of each type. The bindings name every member, so a member that is added does not
// compile until it is listed here.
template <typename X, typename T>
concept Is = std::same_as<std::remove_const_t<X>, T>;

template <Is<Number> X>
auto fields(X& x) {
  auto& [a] = x;
  return std::tie(a);
}
template <Is<Coding> X>
auto fields(X& x) {
  auto& [a, b, c] = x;
  return std::tie(a, b, c);
}
template <Is<TierInfo> X>
auto fields(X& x) {
  auto& [a, b, c, d] = x;
  return std::tie(a, b, c, d);
}
template <Is<Headline> X>
auto fields(X& x) {
  auto& [a, b] = x;
  return std::tie(a, b);
}
template <Is<Option> X>
auto fields(X& x) {
  auto& [a, b, c, d] = x;
  return std::tie(a, b, c, d);
}
template <Is<EnableWhen> X>
auto fields(X& x) {
  auto& [a, b, c, d] = x;
  return std::tie(a, b, c, d);
}
template <Is<Item> X>
auto fields(X& x) {
  auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, y, z, aa, bb, cc,
         dd] = x;
  return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, y, z, aa, bb,
                  cc, dd);
}
template <Is<Hypothesis> X>
auto fields(X& x) {
  auto& [a, b] = x;
  return std::tie(a, b);
}
template <Is<Workup::Note> X>
auto fields(X& x) {
  auto& [a, b, c, d] = x;
  return std::tie(a, b, c, d);
}
template <Is<Workup> X>
auto fields(X& x) {
  auto& [a, b, c, d, e, f, g, h] = x;
  return std::tie(a, b, c, d, e, f, g, h);
}
template <Is<WorkupCategory> X>
auto fields(X& x) {
  auto& [a, b] = x;
  return std::tie(a, b);
}
template <Is<Source> X>
auto fields(X& x) {
  auto& [a, b, c, d] = x;
  return std::tie(a, b, c, d);
}
template <Is<Target> X>
auto fields(X& x) {
  auto& [a, b, c] = x;
  return std::tie(a, b, c);
}
template <Is<ConditionalTarget> X>
auto fields(X& x) {
  auto& [a, b, c, d] = x;
  return std::tie(a, b, c, d);
}
template <Is<Criterion> X>
auto fields(X& x) {
  auto& [a, b, c, d, e, f, g, h, i] = x;
  return std::tie(a, b, c, d, e, f, g, h, i);
}
template <Is<Rule> X>
auto fields(X& x) {
  auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, y, z, aa, bb, cc] = x;
  return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, y, z, aa, bb,
                  cc);
}
template <Is<LabBinding::Conversion> X>
auto fields(X& x) {
  auto& [a, b] = x;
  return std::tie(a, b);
}
template <Is<LabBinding> X>
auto fields(X& x) {
  auto& [a, b, c, d, e, f, g, h] = x;
  return std::tie(a, b, c, d, e, f, g, h);
}
template <Is<CodeBinding> X>
auto fields(X& x) {
  auto& [a, b, c, d, e, f, g, h, i, j] = x;
  return std::tie(a, b, c, d, e, f, g, h, i, j);
}
template <Is<PregnancyStatus> X>
auto fields(X& x) {
  auto& [a, b, c, d, e, f] = x;
  return std::tie(a, b, c, d, e, f);
}
template <Is<CalmCodes> X>
auto fields(X& x) {
  auto& [a, b, c] = x;
  return std::tie(a, b, c);
}
template <Is<Calm> X>
auto fields(X& x) {
  auto& [a, b, c, d, e, f, g, h, i, j] = x;
  return std::tie(a, b, c, d, e, f, g, h, i, j);
}
template <Is<Bindings> X>
auto fields(X& x) {
  auto& [a, b, c, d, e, f, g, h, i, j, k, l, m] = x;
  return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m);
}
template <Is<OtherForm::Value> X>
auto fields(X& x) {
  auto& [a, b, c, d] = x;
  return std::tie(a, b, c, d);
}
template <Is<OtherForm::Question> X>
auto fields(X& x) {
  auto& [a, b, c, d, e, f, g] = x;
  return std::tie(a, b, c, d, e, f, g);
}
template <Is<OtherForm> X>
auto fields(X& x) {
  auto& [a, b, c, d] = x;
  return std::tie(a, b, c, d);
}
template <Is<Staleness> X>
auto fields(X& x) {
  auto& [a, b, c] = x;
  return std::tie(a, b, c);
}
template <Is<ChangePolicy> X>
auto fields(X& x) {
  auto& [a, b, c] = x;
  return std::tie(a, b, c);
}
template <Is<AdviceGuard> X>
auto fields(X& x) {
  auto& [a, b] = x;
  return std::tie(a, b);
}
template <Is<Advice> X>
auto fields(X& x) {
  auto& [a, b, c, d, e] = x;
  return std::tie(a, b, c, d, e);
}
template <Is<Policy> X>
auto fields(X& x) {
  auto& [a, b, c, d, e] = x;
  return std::tie(a, b, c, d, e);
}
template <Is<Seed> X>
auto fields(X& x) {
  auto& [a, b, c, d, e, f, g] = x;
  return std::tie(a, b, c, d, e, f, g);
}
template <Is<Case> X>
auto fields(X& x) {
  auto& [a, b, c, d, e, f, g, h] = x;
  return std::tie(a, b, c, d, e, f, g, h);
}
template <Is<IsSet> X>
auto fields(X& x) {
  auto& [a, b, c] = x;
  return std::tie(a, b, c);
}
template <Is<Language> X>
auto fields(X& x) {
  auto& [a, b, c, d, e, f, g, h, i] = x;
  return std::tie(a, b, c, d, e, f, g, h, i);
}
template <Is<OptionSet> X>
auto fields(X& x) {
  auto& [a, b] = x;
  return std::tie(a, b);
}
template <Is<Op> X>
auto fields(X& x) {
  auto& [a, b, c, d, e, f, g, h, i, j] = x;
  return std::tie(a, b, c, d, e, f, g, h, i, j);
}
template <Is<Program> X>
auto fields(X& x) {
  auto& [a, b] = x;
  return std::tie(a, b);
}
// The tape is not stored: it is built again from the program.
template <Is<Knowledge> X>
auto fields(X& x) {
  auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, y, z, aa, bb, cc, dd,
         ee, ff, gg, hh, ii, jj, kk, ll, mm, nn, tape] = x;
  return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, y, z, aa, bb,
                  cc, dd, ee, ff, gg, hh, ii, jj, kk, ll, mm, nn);
}

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  template <typename T>
  void write(const T& value) {
    if constexpr (std::is_enum_v<T>) {
      write(static_cast<std::underlying_type_t<T>>(value));
    } else if constexpr (std::is_same_v<T, bool>) {
      out_ += value ? '\1' : '\0';
    } else if constexpr (std::is_integral_v<T>) {
      write_bits(static_cast<std::make_unsigned_t<T>>(value));
    } else {
      std::apply([this](const auto&... each) { (this->write(each), ...); }, fields(value));
    }
  }
  void write(const std::string& text) {
    write_size(text.size());
    out_ += text;
  }
  template <typename T>
  void write(const std::optional<T>& value) {
    write(value.has_value());
    if (value) {
      write(*value);
    }
  }
  template <typename T>
  void write(const std::vector<T>& list) {
    write_size(list.size());
    for (const auto& each : list) {
      write(each);
    }
  }
  template <typename T, std::size_t n>
  void write(const std::array<T, n>& list) {
    for (const auto& each : list) {
      write(each);
    }
  }
  template <typename K, typename V, typename C>
  void write(const std::map<K, V, C>& map) {
    write_size(map.size());
    for (const auto& [key, value] : map) {
      write(key);
      write(value);
    }
  }

 private:
  void write_size(std::size_t size) { write(static_cast<std::uint32_t>(size)); }

  template <typename U>
  void write_bits(U bits) {
    for (std::size_t i = 0; i < sizeof(U); ++i) {
      out_ += static_cast<char>((std::uint64_t{bits} >> (8 * i)) & 0xFFU);
    }
  }

  std::string& out_;
};

// After the first failure every further read gives nothing, and ok() says so.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  bool ok() const { return ok_; }
  std::string_view rest() const { return bytes_; }

  template <typename T>
  void read(T& value) {
    if constexpr (std::is_enum_v<T>) {
      std::underlying_type_t<T> number{};
      read(number);
      value = static_cast<T>(number);
    } else if constexpr (std::is_same_v<T, bool>) {
      std::uint8_t number = 0;
      read(number);
      ok_ = ok_ && number <= 1;
      value = number == 1;
    } else if constexpr (std::is_integral_v<T>) {
      value = static_cast<T>(read_bits<std::make_unsigned_t<T>>());
    } else {
      ok_ = ok_ && depth_ < kMaxDepth;
      ++depth_;
      if (ok_) {
        std::apply([this](auto&... each) { (this->read(each), ...); }, fields(value));
      }
      --depth_;
    }
  }
  void read(std::string& text) {
    const std::size_t size = read_size();
    text = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
  }
  template <typename T>
  void read(std::optional<T>& value) {
    bool there = false;
    read(there);
    if (there && ok_) {
      read(value.emplace());
    }
  }
  template <typename T>
  void read(std::vector<T>& list) {
    const std::size_t size = read_size();
    for (std::size_t i = 0; i < size && ok_; ++i) {
      if (i == 0) {
        list.reserve(std::min<std::size_t>(size, kReserve));
      }
      read(list.emplace_back());
    }
  }
  template <typename T, std::size_t n>
  void read(std::array<T, n>& list) {
    for (auto& each : list) {
      read(each);
    }
  }
  template <typename K, typename V, typename C>
  void read(std::map<K, V, C>& map) {
    const std::size_t size = read_size();
    for (std::size_t i = 0; i < size && ok_; ++i) {
      K key{};
      V value{};
      read(key);
      read(value);
      map.emplace_hint(map.end(), std::move(key), std::move(value));
    }
  }

 private:
  static constexpr std::size_t kReserve =
      4096;  // larger lists grow: a wrong size must not claim memory

  // Every element takes at least one byte, so no true size is larger than what is left.
  std::size_t read_size() {
    std::uint32_t size = 0;
    read(size);
    ok_ = ok_ && size <= bytes_.size();
    return ok_ ? size : 0;
  }

  template <typename U>
  U read_bits() {
    if (!ok_ || bytes_.size() < sizeof(U)) {
      ok_ = false;
      return 0;
    }
    U bits = 0;
    for (std::size_t i = 0; i < sizeof(U); ++i) {
      bits = static_cast<U>(bits |
                            static_cast<U>(U{static_cast<unsigned char>(bytes_[i])} << (8 * i)));
    }
    bytes_.remove_prefix(sizeof(U));
    return bits;
  }

  std::string_view bytes_;
  bool ok_ = true;
  int depth_ = 0;
};

std::string checksum(std::string_view payload) {
  const Sha256 digest = sha256(payload);
  return {digest.begin(), digest.end()};
}

tl::unexpected<Problem> refused(std::string text) {
  Problem problem;
  problem.code = "MF-2100";
  problem.text = std::move(text);
  return tl::unexpected(std::move(problem));
}

}  // namespace

std::string write_snapshot(const Knowledge& knowledge) {
  std::string payload;
  Writer(payload).write(knowledge);
  std::string out(kMagic);
  Writer(out).write(kVersion);
  out += checksum(payload);
  return out + payload;
}

tl::expected<KnowledgePtr, Problem> read_snapshot(std::string_view bytes) {
  if (!bytes.starts_with(kMagic)) {
    return refused("these bytes are no knowledge snapshot");
  }
  Reader header(bytes.substr(kMagic.size()));
  std::uint32_t version = 0;
  header.read(version);
  if (!header.ok() || version != kVersion) {
    return refused("the knowledge snapshot was made by another version");
  }
  const std::size_t checksum_size = std::tuple_size_v<Sha256>;
  const std::string_view rest = header.rest();
  if (rest.size() < checksum_size ||
      rest.substr(0, checksum_size) != checksum(rest.substr(checksum_size))) {
    return refused("the knowledge snapshot is damaged");
  }
  auto knowledge = std::make_shared<Knowledge>();
  Reader reader(rest.substr(checksum_size));
  reader.read(*knowledge);
  if (!reader.ok() || !reader.rest().empty()) {
    return refused("the knowledge snapshot is damaged");
  }
  knowledge->tape = build_tape(*knowledge);
  return KnowledgePtr(std::move(knowledge));
}

}  // namespace myoflag::rules
